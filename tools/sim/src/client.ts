import { RaftError, type RaftErrorCode } from '@kontiki/raft';
import { between, chance, pick } from '@kontiki/sim';
import type { Checks } from './checks/checks.js';
import type { Cluster } from './cluster.js';
import type { Member, SimWorld } from './member.js';
import { encodeCommand, KEYS } from './state.js';

/** What a caller must expect. */
const EXPECTED: ReadonlySet<RaftErrorCode> = new Set([
  'NO_LEADER',
  'LEADER_CHANGED',
  'PROPOSAL_TIMED_OUT',
  'PROPOSAL_DROPPED',
  'TOO_MANY_WAITING',
  'STOPPED',
]);

/** Those after which a proposal may still be applied. */
const UNKNOWN: ReadonlySet<RaftErrorCode> = new Set(['LEADER_CHANGED', 'PROPOSAL_TIMED_OUT', 'STOPPED']);

export interface ClientOptions {
  readonly world: SimWorld;
  readonly cluster: Cluster;
  readonly checks: Checks;
  /** Never the same twice in a world. */
  readonly nextId: () => bigint;
  /** After so long it waits for an answer no more: who was removed may never have one. */
  readonly timeoutMs: number;
  /** The longest pause between two calls. */
  readonly thinkMs: number;
  readonly readsPerMille: number;
  /** The most bytes a command is made larger by. */
  readonly paddingBytes: number;
}

/** Calls one member after another, one call (or a burst of writes) at a time, and holds the answers against the checks. */
export class Client {
  readonly #options: ClientOptions;
  #stopped = false;
  /** Calls not answered yet. */
  pending = 0;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  start(): void {
    const { world, thinkMs } = this.#options;
    world.timeline.after(between(world.random, 0, thinkMs), () => this.#next());
  }

  /** Begins nothing more. */
  stop(): void {
    this.#stopped = true;
  }

  /** One write. Resolves when it is answered; false: it failed, or nobody knows. */
  write(member: Member): Promise<boolean> {
    const { world, checks, nextId, paddingBytes } = this.#options;
    const driver = member.driver;
    if (driver === undefined) return Promise.resolve(false);
    const id = nextId();
    const key = world.random.int(KEYS);
    const began = checks.calls.begin();
    const data = encodeCommand({ id, key }, paddingBytes === 0 ? 0 : world.random.int(paddingBytes));
    world.record('write', member.id, id);
    return this.#call(
      member,
      () => driver.propose(id, data),
      ({ index, before }) => {
        world.record('wrote', id, index);
        checks.guard(checks.calls.name, () => checks.calls.wrote(began, id, key, index, before));
      },
      (code) => {
        if (code !== undefined && !UNKNOWN.has(code)) checks.calls.refused(id);
      },
    );
  }

  read(member: Member): Promise<boolean> {
    const { world, checks } = this.#options;
    const driver = member.driver;
    if (driver === undefined) return Promise.resolve(false);
    const key = world.random.int(KEYS);
    const began = checks.calls.begin();
    const ask = async (): Promise<void> => {
      await driver.applied.reached(await driver.readIndex());
    };
    return this.#call(
      member,
      ask,
      () => {
        const state = member.state!;
        world.record('read', member.id, state.index);
        checks.guard(checks.calls.name, () => checks.calls.read(began, key, state.index, state.values[key]!));
      },
      () => {},
    );
  }

  #next(): void {
    const { world, cluster, readsPerMille } = this.#options;
    if (this.#stopped) return;
    const { running } = cluster;
    if (running.length === 0) {
      this.start();
      return;
    }
    const member = pick(world.random, running);
    const calls = chance(world.random, readsPerMille)
      ? [this.read(member)]
      : Array.from({ length: chance(world.random, 100) ? 5 : 1 }, () => this.write(member));
    void Promise.all(calls).then(() => this.start());
  }

  /** @param onFailure the code is undefined when the member's process ended, or did not answer in time */
  #call<T>(
    member: Member,
    call: () => Promise<T>,
    onAnswer: (answer: T) => void,
    onFailure: (code: RaftErrorCode | undefined) => void,
  ): Promise<boolean> {
    const { world, timeoutMs } = this.#options;
    this.pending++;
    return new Promise((resolve) => {
      const finish = (answered: boolean): void => {
        timeout.cancelled = true;
        this.pending--;
        resolve(answered);
      };
      const giveUp = (): void => {
        onFailure(undefined);
        finish(false);
      };
      const over = member.duringCall(giveUp);
      const timeout = world.timeline.after(timeoutMs, () => {
        if (over()) giveUp();
      });
      call().then(
        (answer) => {
          // The process ended in the same moment: nobody was left to answer.
          if (!over()) return;
          onAnswer(answer);
          finish(true);
        },
        (error: unknown) => {
          if (!over()) return;
          if (error instanceof RaftError && EXPECTED.has(error.code)) onFailure(error.code);
          else world.fail(error);
          finish(false);
        },
      );
    });
  }
}
