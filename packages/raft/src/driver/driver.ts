import { type Logger, silentLogger, type Timer, Watermark } from '@kontiki/std';
import { RaftError } from '../errors.js';
import { MemoryLog } from '../log/memory-log.js';
import type { MembershipChange } from '../membership/change.js';
import type { Message } from '../message.js';
import { resolveOptions } from '../options.js';
import { RawNode } from '../raw-node.js';
import type { Persist, Ready } from '../ready.js';
import type { RaftStatus } from '../status.js';
import type { Entry, LogIndex, NodeId, Snapshot, SnapshotMeta, Term } from '../types.js';
import { NOBODY } from '../types.js';
import { Applier } from './applier.js';
import { Lane } from './lane.js';
import type { RaftDriverOptions } from './options.js';
import type { Scheduler } from './ports.js';
import { Proposals } from './proposals.js';
import { Reads } from './reads.js';
import { eventLoop } from './scheduler.js';
import { Snapshots } from './snapshots.js';
import { submitQueued } from './submission.js';

/**
 * Runs a {@link RawNode} in the world: feeds it time, messages and callers' wishes, and does what its ready bundles say.
 * It decides nothing about Raft.
 *
 * Invariants:
 * - at most one turn is scheduled; everything that came before it runs is one batch for the node
 * - batches reach the writer in the order the node made them, and are reported back in that order
 * - an outcome is told only after its entry was applied here; `applied` rises only then
 * - after stop() or a failure: nothing is sent, written or applied any more, and nobody waits
 */
export class RaftDriver<Outcome> {
  /** Rises with every applied entry; `reached(index)` rejects when the driver stops first. */
  readonly applied: Watermark;

  readonly #options: RaftDriverOptions<Outcome>;
  readonly #log: MemoryLog;
  readonly #node: RawNode;
  readonly #scheduler: Scheduler;
  readonly #logger: Logger;
  readonly #disk: Lane;
  readonly #restores: Lane;
  /** Saves and captures: they hold nothing up. */
  readonly #work: Lane;
  readonly #proposals: Proposals<Outcome>;
  readonly #applier: Applier<Outcome>;
  readonly #reads: Reads;
  readonly #snapshots: Snapshots;
  readonly #limits: { readonly waitTicks: number; readonly readRetryTicks: number; readonly maxWritesInFlight: number };
  readonly #timer: Timer;
  readonly #runTurn = (): void => this.#turn();
  readonly #askRead = (context: Uint8Array): boolean => this.#node.readIndex(context);

  #tick = 0;
  #scheduled = false;
  #campaignWanted = false;
  #stopped = false;
  #stopError: RaftError | undefined;
  /** Whom proposals and reads were given to, as last told by the node. */
  #leader: NodeId = NOBODY;
  #term = 0;

  /** Throws RaftError INVALID_OPTIONS, LOG_LOST. */
  static start<Outcome>(options: RaftDriverOptions<Outcome>): RaftDriver<Outcome> {
    return new RaftDriver(options);
  }

  private constructor(options: RaftDriverOptions<Outcome>) {
    const { log, applied, raft, random } = options;
    const { electionTicks, id } = resolveOptions(raft);
    const base = log.snapshot ?? { index: 0, term: 0 };
    this.#options = options;
    this.#log = new MemoryLog(base, log.entries);
    this.#node = new RawNode({
      raft,
      random,
      log: this.#log,
      ...(log.hardState && { hardState: log.hardState }),
      confState: options.confState,
      applied,
    });
    this.applied = new Watermark(applied);
    this.#scheduler = options.scheduler ?? eventLoop;
    this.#logger = options.logger ?? silentLogger;
    this.#disk = new Lane((error) =>
      this.#fail(new RaftError('STORAGE_FAILED', 'writing the log failed', { cause: error })),
    );
    this.#restores = new Lane((error) =>
      this.#fail(new RaftError('APPLY_FAILED', 'restoring a snapshot failed', { cause: error })),
    );
    this.#work = new Lane((error) =>
      this.#fail(new RaftError('STORAGE_FAILED', 'saving a snapshot failed', { cause: error })),
    );
    this.#proposals = new Proposals({
      maxWaiting: options.maxWaitingProposals ?? 65_536,
      maxBytes: options.maxWaitingBytes ?? 64 * 1024 * 1024,
    });
    this.#applier = new Applier(this.#node, options.stateMachine, this.#proposals);
    this.#reads = new Reads(id, random, options.maxWaitingReads ?? 65_536);
    this.#snapshots = new Snapshots(options.snapshots, {
      everyEntries: options.snapshotEveryEntries ?? 10_000,
      saved: base.index,
    });
    this.#limits = {
      waitTicks: options.waitTicks ?? 7 * electionTicks,
      readRetryTicks: options.readRetryTicks ?? Math.max(1, Math.floor(electionTicks / 2)),
      maxWritesInFlight: options.maxWritesInFlight ?? 16,
    };
    this.#timer = options.clock.every(options.tickMs ?? 100, () => this.#onTick());
    // What was committed before a crash is applied without waiting for a leader.
    this.#schedule();
  }

  /**
   * Resolves with what applying the entry came to.
   *
   * @param id under which the state machine reports the outcome; unique among proposals that wait anywhere
   * @param data bytes of the entry, not empty: an empty entry is a leader's own. Not copied, must not change.
   * @param signal aborting stops the wait, with the signal's reason; the entry may still be applied
   * @throws RaftError NO_LEADER, LEADER_CHANGED and PROPOSAL_TIMED_OUT (may still be applied), PROPOSAL_DROPPED,
   *   TOO_MANY_WAITING, DUPLICATE_ID, STOPPED
   */
  propose(id: bigint, data: Uint8Array, signal?: AbortSignal): Promise<Outcome> {
    return this.#submit(id, data, { signal });
  }

  /**
   * Like {@link propose}, but only while this member leads in `term`: never forwarded, never given to a later leader.
   * For what the leader decides by its own clock. May still be committed by a later leader, as anything this one
   * appended; then it comes before everything of the later term.
   */
  proposeInTerm(id: bigint, data: Uint8Array, term: Term, signal?: AbortSignal): Promise<Outcome> {
    return this.#submit(id, data, { signal, term });
  }

  /**
   * Changes who is a member; resolves with what the state machine's `applyChange` answered under `id`.
   *
   * @throws as {@link propose}, and RaftError CHANGE_PENDING, INVALID_CHANGE (only where this member leads; elsewhere a
   *   refused change times out)
   */
  proposeChange(id: bigint, change: MembershipChange, signal?: AbortSignal): Promise<Outcome> {
    if (this.#options.stateMachine.applyChange === undefined) {
      return Promise.reject(new RaftError('INVALID_CHANGE', 'the state machine has no applyChange'));
    }
    return this.#submit(id, change, { signal });
  }

  /**
   * An index such that a state with `applied` at or above it includes everything acknowledged, by any member, before
   * this call. Calls that wait together share one round.
   *
   * @throws RaftError NO_LEADER, LEADER_CHANGED, TOO_MANY_WAITING, STOPPED; all may be tried again
   */
  readIndex(signal?: AbortSignal): Promise<LogIndex> {
    if (this.#stopError !== undefined) return Promise.reject(this.#stopError);
    const read = this.#reads.add(this.#tick, signal);
    this.#schedule();
    return read;
  }

  status(): RaftStatus {
    return this.#node.status();
  }

  /** A message from another member, as its driver handed it to its transport. */
  receive(message: Message): void {
    this.#input(() => this.#node.step(message));
  }

  /**
   * Stands for election without waiting for the election timeout, as soon as what is committed has been applied: a
   * single voter leads right after its start. No effect where there is a leader, or on who may not vote.
   */
  campaign(): void {
    this.#campaignWanted = true;
    this.#schedule();
  }

  /** Asks for leadership to go to `target`; it has when `onState` says so, or has not after an election timeout. */
  transferLeadership(target: NodeId): void {
    this.#input(() => this.#node.transferLeadership(target));
  }

  /** For the transport: messages to `id` get lost. */
  reportUnreachable(id: NodeId): void {
    this.#input(() => this.#node.reportUnreachable(id));
  }

  /**
   * For the transport, if it can tell: the process of `id` is gone. When it led, the others need not wait out an
   * election timeout. A mistake costs an election at most, and not even that while a majority hears the leader.
   */
  reportGone(id: NodeId): void {
    this.#input(() => this.#node.reportGone(id));
  }

  /** For the transport: the snapshot sent to `id` was handed over, or not. */
  reportSnapshot(id: NodeId, delivered: boolean): void {
    this.#input(() => this.#node.reportSnapshot(id, delivered));
  }

  /** Stops at once; whoever waits gets STOPPED. Resolves when the ports have finished what they were given. */
  async stop(): Promise<void> {
    this.#halt(new RaftError('STOPPED', 'the member has stopped'));
    await Promise.all([this.#disk.close(), this.#restores.close(), this.#work.close()]);
  }

  #submit(
    id: bigint,
    content: Uint8Array | MembershipChange,
    options: { readonly signal?: AbortSignal | undefined; readonly term?: Term },
  ): Promise<Outcome> {
    if (this.#stopError !== undefined) return Promise.reject(this.#stopError);
    const outcome = this.#proposals.add(id, content, this.#tick, options);
    this.#schedule();
    return outcome;
  }

  #onTick(): void {
    this.#tick++;
    this.#input(() => this.#node.tick());
    const expireBefore = this.#tick - this.#limits.waitTicks;
    this.#proposals.expire(expireBefore);
    this.#reads.tick(this.#tick - this.#limits.readRetryTicks, expireBefore);
  }

  /** Something happened that the node must know. */
  #input(tell: () => void): void {
    if (this.#stopped) return;
    try {
      tell();
    } catch (error) {
      if (!(error instanceof RaftError && error.code === 'INVALID_MESSAGE')) {
        this.#fail(error);
        return;
      }
      this.#logger.warn('dropped a message no correct member sends', { reason: error.message });
    }
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    this.#scheduler.soon(this.#runTurn);
  }

  #turn(): void {
    this.#scheduled = false;
    if (this.#stopped) return;
    try {
      if (this.#campaignWanted) this.#campaign();
      if (this.#proposals.queued > 0 && this.#leader !== NOBODY) submitQueued(this.#node, this.#proposals);
      this.#reads.flush(this.#tick, this.#askRead);
      for (;;) {
        const ready = this.#node.ready({ canPersist: this.#disk.pending < this.#limits.maxWritesInFlight });
        if (ready === undefined) break;
        this.#carryOut(ready);
        if (this.#stopped) return;
        if (ready.committed.length > 0) {
          // Others get a turn between two batches of a long replay.
          this.#schedule();
          break;
        }
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  #campaign(): void {
    const { applied, commit } = this.#node.status();
    if (this.#leader === NOBODY && applied < commit) return;
    this.#campaignWanted = false;
    if (this.#leader === NOBODY) this.#node.campaign();
  }

  #carryOut(ready: Ready): void {
    const { messages, persist, messagesAfterPersist, restore, committed, reads, softState, snapshotWanted } = ready;
    if (softState !== undefined) this.#onState(softState);
    if (this.#stopped) return;
    if (messages.length > 0) this.#options.transport.send(messages);
    if (persist !== undefined || messagesAfterPersist.length > 0) this.#write(persist, messagesAfterPersist);
    for (const read of reads) this.#reads.answered(read);
    if (reads.length > 0 && this.#reads.gathering > 0) this.#schedule();
    if (restore !== undefined) this.#restore(restore);
    if (committed.length > 0) this.#apply(committed);
    if (snapshotWanted) this.#capture();
  }

  #write(persist: Persist | undefined, messagesAfterPersist: readonly Message[]): void {
    // From here on a save that began earlier must not put its older mark behind this one.
    if (persist?.snapshot !== undefined) this.#snapshots.installed(persist.snapshot.meta.index);
    this.#disk.push(persist && this.#options.writer.append(persist), () => {
      try {
        if (persist !== undefined) {
          if (persist.snapshot !== undefined) this.#log.reset(persist.snapshot.meta);
          this.#log.append(persist.entries);
          this.#node.persisted(persist);
        }
        if (messagesAfterPersist.length > 0) this.#options.transport.send(messagesAfterPersist);
        this.#schedule();
      } catch (error) {
        this.#fail(error);
      }
    });
  }

  #onState(state: NonNullable<Ready['softState']>): void {
    const { leader, term } = state;
    if (leader !== this.#leader || term !== this.#term) {
      if (this.#leader !== NOBODY) {
        const error = new RaftError('LEADER_CHANGED', `member ${this.#leader} does not lead any more`);
        this.#proposals.failSubmitted(error);
        this.#reads.failAsked(error);
      }
      this.#leader = leader;
      this.#term = term;
      // Who waited for a leader need not wait any longer.
      if (leader !== NOBODY && (this.#proposals.queued > 0 || this.#reads.gathering > 0)) this.#schedule();
    }
    this.#options.onState?.(state);
  }

  #apply(entries: readonly Entry[]): void {
    this.#applier.apply(entries);
    const { index } = entries.at(-1)!;
    this.#node.applied(index);
    this.applied.raise(index);
    if (this.#snapshots.due(index)) this.#save(this.#appliedMeta());
  }

  #restore(snapshot: Snapshot): void {
    const { index } = snapshot.meta;
    this.#restores.push(this.#options.stateMachine.restore(snapshot), () => {
      this.#input(() => {
        this.#node.applied(index);
        this.applied.raise(index);
      });
    });
  }

  /** The applied state becomes durable outside the log; then the writer may drop what is behind it, and so do we. */
  #save(meta: SnapshotMeta): void {
    const { catchUpEntries = 5_000, catchUpBytes = 64 * 1024 * 1024, writer } = this.#options;
    const saved = this.#snapshots.save(meta).then((news) => {
      if (!news || this.#stopped) return;
      this.#disk.push(writer.append({ entries: [], compacted: meta, mustSync: true }), () =>
        this.#log.compact(meta.index, catchUpEntries, catchUpBytes),
      );
    });
    this.#work.push(saved, () => {});
  }

  #capture(): void {
    const meta = this.#appliedMeta();
    const captured = this.#options.snapshots.capture(meta).then(
      (data) => this.#input(() => this.#node.provideSnapshot({ meta, data })),
      (error: unknown) => {
        this.#logger.warn('no snapshot could be captured for a member that needs one', { error: String(error) });
        this.#input(() => this.#node.snapshotUnavailable());
      },
    );
    this.#work.push(captured, () => {});
  }

  #appliedMeta(): SnapshotMeta {
    const index = this.applied.value;
    return { index, term: this.#node.term(index) ?? 0, confState: this.#node.confState };
  }

  /** The member cannot go on. */
  #fail(error: unknown): void {
    if (this.#stopped) return;
    this.#logger.error('the member stops', { error: String(error) });
    this.#halt(new RaftError('STOPPED', 'the member has stopped after a failure', { cause: error }));
    this.#options.onFatal(error);
  }

  #halt(error: RaftError): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#stopError = error;
    this.#timer.cancel();
    void this.#disk.close();
    void this.#restores.close();
    void this.#work.close();
    this.#proposals.failAll(error);
    this.#reads.failAll(error);
    this.applied.fail(error);
  }
}
