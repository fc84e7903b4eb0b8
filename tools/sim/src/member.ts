import {
  type Applied,
  type ConfState,
  type Entry,
  type LogWriter,
  type MembershipChange,
  type Message,
  type NodeId,
  type Persist,
  RaftDriver,
  RaftError,
  type Snapshot,
  type SnapshotMessage,
  type SnapshotMeta,
  type SnapshotStore,
  type StateMachine,
  type Transport,
} from '@kontiki/raft';
import { chance, type Machine, type SimProcess, type Victim, type World } from '@kontiki/sim';
import { assert, type FileSystem } from '@kontiki/std';
import { bootstrap, type Founding } from 'kontiki/testing';
import type { Checks } from './checks/checks.js';
import type { Observed } from './checks/whole-logs.js';
import { LogMirror } from './log-mirror.js';
import type { Settings } from './settings.js';
import { decodeExpectation, type Outcome, State } from './state.js';
import { StateFiles } from './state-files.js';

export type SimWorld = World<NodeId, Message>;

/** Where a test puts something broken in place of a part, to see it found. */
export interface Wrapping {
  fileSystem?(fileSystem: FileSystem, id: NodeId): FileSystem;
  writer?(writer: LogWriter, id: NodeId): LogWriter;
  transport?(transport: Transport, id: NodeId): Transport;
  stateMachine?(stateMachine: StateMachine<Outcome>, id: NodeId): StateMachine<Outcome>;
}

export interface MemberOptions {
  readonly world: SimWorld;
  readonly id: NodeId;
  readonly founding: Founding;
  readonly settings: Settings;
  readonly checks: Checks;
  readonly wrapping: Wrapping;
  /** For the reports of a transport: who sent it. */
  readonly peer: (id: NodeId) => Member | undefined;
  /** Told when its process has ended. */
  readonly onEnded: () => void;
  /** Told when it begins to lead. */
  readonly onLeader: (member: Member) => void;
  readonly count: (what: 'elections' | 'snapshots' | 'boots' | 'changes') => void;
}

interface Running {
  readonly process: SimProcess;
  readonly driver: RaftDriver<Outcome>;
  state: State;
}

/**
 * One member as the server makes it: the raft driver on the server's raft log on the write-ahead log, on a simulated
 * disk; with a small state in place of the server's.
 */
export class Member implements Victim<NodeId> {
  readonly address: NodeId;
  readonly machine: Machine;
  readonly mirror: LogMirror = new LogMirror();
  /** It has left for good. */
  retired = false;
  readonly #options: MemberOptions;
  #running: Running | undefined;
  /** It has run before: its log must be there. */
  #founded = false;
  /** Calls of the process that runs; told when it ends. */
  readonly #calls = new Set<() => void>();

  constructor(options: MemberOptions) {
    this.#options = options;
    this.address = options.id;
    this.machine = options.world.machine(`m${options.id}`);
  }

  get id(): NodeId {
    return this.address;
  }

  /** Undefined while it is down, or not ready yet. */
  get driver(): RaftDriver<Outcome> | undefined {
    return this.#running?.driver;
  }

  get state(): State | undefined {
    return this.#running?.state;
  }

  get observed(): Observed | undefined {
    if (this.#running === undefined) return undefined;
    const { driver, state } = this.#running;
    return { status: driver.status(), mirror: this.mirror, digest: state.digest };
  }

  /** Starts a process on its machine. */
  start(): void {
    if (this.retired) return;
    const process = this.machine.boot();
    this.#run(process).catch((error: unknown) => this.#exit(process, error));
  }

  /** Its process has ended. */
  ended(): void {
    this.#running = undefined;
    const calls = [...this.#calls];
    this.#calls.clear();
    for (const call of calls) call();
    this.#options.onEnded();
  }

  /** A call to this process: `onEnd` is told when the process ends before the answer. @returns ends it; false: it had ended */
  duringCall(onEnd: () => void): () => boolean {
    this.#calls.add(onEnd);
    return () => this.#calls.delete(onEnd);
  }

  /** It leaves for good. */
  retire(): void {
    this.retired = true;
    this.machine.kill();
    this.ended();
  }

  async #run(process: SimProcess): Promise<void> {
    const { id, world, settings, checks, founding, wrapping, count, onLeader } = this.#options;
    const fileSystem = wrapping.fileSystem?.(process.fileSystem, id) ?? process.fileSystem;
    const { log, raftLog, founded } = await bootstrap({
      fileSystem,
      walDirectory: '/wal',
      founding: () => Promise.resolve(founding),
      wal: { clock: process.clock, segmentBytes: settings.segmentBytes },
      maxSegments: settings.maxSegments,
    });
    if (this.#founded) {
      checks.guard('what is durable is found again', () => assert(!founded, `the log of ${id} is gone`));
      checks.recovered(log, this.mirror);
    } else this.mirror.founded(log);
    this.#founded = true;
    const files = await StateFiles.open(fileSystem);
    const state = await files.load(log);
    checks.loaded(id, state);
    count('boots');
    world.record('boot', id, state.index, this.mirror.written.last);
    const running = {} as { -readonly [K in keyof Running]: Running[K] };
    running.process = process;
    running.state = state;
    const stateMachine = this.#stateMachine(running);
    const transport = this.#transport(process);
    const writer = this.#writer(wrapping.writer?.(raftLog, id) ?? raftLog);
    running.driver = RaftDriver.start<Outcome>({
      raft: { ...settings.raft, id },
      confState: state.confState,
      log,
      applied: state.index,
      tickMs: settings.tickMs,
      writer,
      transport: wrapping.transport?.(transport, id) ?? transport,
      stateMachine: wrapping.stateMachine?.(stateMachine, id) ?? stateMachine,
      snapshots: this.#snapshots(running, files),
      snapshotEveryEntries: settings.snapshotEveryEntries,
      catchUpEntries: settings.catchUpEntries,
      maxWritesInFlight: settings.maxWritesInFlight,
      clock: process.clock,
      random: process.random,
      scheduler: process.scheduler,
      onState: ({ role, term, leader }) => {
        world.record(role, id, term, leader);
        if (role === 'leader') {
          count('elections');
          onLeader(this);
        }
        checks.became(id, term, role, this.mirror);
      },
      onFatal: (error) => this.#exit(process, error),
    });
    this.#running = running;
    world.network.attach(id, process.life, (message) => {
      if (message.type === 'snapshot') this.#takeSnapshot(running, files, message);
      else running.driver.receive(message);
    });
  }

  /** The process ends by itself: a disk that fails is reason to; anything else breaks the run. */
  #exit(process: SimProcess, error: unknown): void {
    const { world, id } = this.#options;
    if (!process.life.alive) return;
    if (!isDiskFailure(error)) world.fail(error);
    world.record('exit', id);
    this.machine.kill();
    this.ended();
    // As a supervisor does.
    world.timeline.after(200, () => {
      if (this.machine.process === undefined) this.start();
    });
  }

  #writer(writer: LogWriter): LogWriter {
    const { checks, id, world } = this.#options;
    return {
      append: async (batch: Persist) => {
        this.mirror.write(batch);
        checks.wrote(id, batch, this.mirror);
        await writer.append(batch);
        this.mirror.done(batch);
        world.record('durable', id, this.mirror.durable.last);
      },
    };
  }

  #transport(process: SimProcess): Transport {
    const { world, checks, settings, id, peer } = this.#options;
    const { network } = world;
    return {
      send: (messages) => {
        if (!process.life.alive) return;
        for (const message of messages) {
          const { type, to } = message;
          checks.sent(message, this.mirror);
          if (type === 'snapshot') {
            const onOutcome = (delivered: boolean): void => {
              // Delivered: the receiver says whether it could keep it.
              if (!delivered) peer(id)?.driver?.reportSnapshot(to, false);
            };
            network.send(id, to, message, { once: true, extraMs: 1 + message.snapshot.data.length / 1000, onOutcome });
          } else if (chance(process.random, settings.noticedLossPerMille)) {
            const onOutcome = (delivered: boolean): void => {
              if (!delivered) peer(id)?.driver?.reportUnreachable(to);
            };
            network.send(id, to, message, { once: type === 'propose', onOutcome });
          } else network.send(id, to, message, { once: type === 'propose' });
        }
      },
    };
  }

  #stateMachine(running: Running): StateMachine<Outcome> {
    const { checks, id, world, count } = this.#options;
    const currentTerm = (): number => running.driver.status().term;
    return {
      apply: (entries) =>
        entries.map((entry): Applied<Outcome> => {
          const applied = running.state.apply(entry);
          checks.applied(id, entry, running.state.digest, this.mirror, currentTerm);
          world.record('apply', id, entry.index, entry.term);
          return applied;
        }),
      admits: (change) => {
        const expectation = decodeExpectation(change.context);
        return expectation === undefined || expectation.configuredAt === running.state.configuredAt;
      },
      applyChange: (entry: Entry, change: MembershipChange, confState: ConfState, effective: boolean) => {
        running.state.applyChange(entry, confState, effective);
        checks.applied(id, entry, running.state.digest, this.mirror, currentTerm);
        world.record('change', id, entry.index, effective);
        if (effective) count('changes');
        const outcome: Outcome = { index: entry.index, before: 0n, effective };
        return { id: decodeExpectation(change.context)?.id, outcome };
      },
      restore: async (snapshot: Snapshot) => {
        // It is on this disk since it came in.
        running.state = State.decode(snapshot.data);
        world.record('restore', id, running.state.index);
        count('snapshots');
        checks.loaded(id, running.state);
      },
    };
  }

  #snapshots(running: Running, files: StateFiles): SnapshotStore {
    const { checks, id, world, settings } = this.#options;
    const same = (meta: SnapshotMeta): void =>
      checks.guard('snapshots are of the state they say', () => {
        const { index, term } = running.state;
        assert(meta.index === index && meta.term === term, `${meta.index}/${meta.term} is not ${index}/${term}`);
      });
    return {
      save: async (meta) => {
        same(meta);
        world.record('save', id, meta.index);
        await files.save(running.state.encode(), meta.index, meta.term);
        await files.removeBefore(this.mirror.durable.base.index);
      },
      capture: async (meta) => {
        same(meta);
        world.record('capture', id, meta.index);
        if (chance(running.process.random, settings.failedCapturesPerMille)) throw new Error('not now');
        return running.state.encode();
      },
    };
  }

  /** Kept on the disk before raft hears of it. */
  #takeSnapshot(running: Running, files: StateFiles, message: SnapshotMessage): void {
    const { world, id, peer } = this.#options;
    const { meta, data } = message.snapshot;
    const report = (delivered: boolean): void => {
      world.timeline.after(1, () => peer(message.from)?.driver?.reportSnapshot(id, delivered));
    };
    // A connection that breaks tells the sender.
    const over = this.duringCall(() => report(false));
    files.save(data, meta.index, meta.term).then(
      () => {
        if (!over()) return;
        running.driver.receive(message);
        report(true);
      },
      (error: unknown) => {
        if (!over()) return;
        if (!isDiskFailure(error)) world.fail(error);
        report(false);
      },
    );
  }
}

/** Whether an error is a disk that could not do what it was asked to. */
function isDiskFailure(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code } = cause as { code?: unknown };
    if (code === 'EIO' || code === 'ENOSPC') return true;
    if (code === 'WAL_NO_SPACE') return true;
  }
  return error instanceof RaftError && error.code === 'STOPPED';
}
