import { type Random, toLatin1 } from '@kontiki/std';
import type { ReadState } from '../core/state.js';
import { RaftError } from '../errors.js';
import type { LogIndex, NodeId } from '../types.js';

interface Reader {
  readonly sinceTick: number;
  over: boolean;
  readonly resolve: (index: LogIndex) => void;
  readonly reject: (error: unknown) => void;
  readonly signal: AbortSignal | undefined;
  onAbort: (() => void) | undefined;
}

interface Round {
  readonly readers: Reader[];
  readonly askedTick: number;
}

/** Rounds under way at once; readers that come later share the next one. */
const MAX_ROUNDS = 4;

/**
 * Joins readers that wait together into one question to the leader.
 *
 * Invariants: every reader that waits is either gathering or in exactly one round; at most MAX_ROUNDS rounds and
 * `maxWaiting` readers. A round's context is never used again, not even after a restart: an old answer must not
 * confirm a new question.
 */
export class Reads {
  readonly #maxWaiting: number;
  readonly #context: Uint8Array = new Uint8Array(16);
  #sequence: bigint;
  #gathering: Reader[] = [];
  readonly #rounds: Map<string, Round> = new Map();
  #size = 0;

  constructor(id: NodeId, random: Random, maxWaiting: number) {
    this.#maxWaiting = maxWaiting;
    this.#sequence = random.bits64();
    new DataView(this.#context.buffer).setBigUint64(0, id);
  }

  get gathering(): number {
    return this.#gathering.length;
  }

  add(tick: number, signal?: AbortSignal): Promise<LogIndex> {
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    if (this.#size >= this.#maxWaiting) {
      return Promise.reject(new RaftError('TOO_MANY_WAITING', `${this.#size} reads wait already`));
    }
    return new Promise((resolve, reject) => {
      const reader: Reader = { sinceTick: tick, over: false, resolve, reject, signal, onAbort: undefined };
      this.#size++;
      this.#gathering.push(reader);
      if (signal === undefined) return;
      reader.onAbort = () => this.#fail(reader, signal.reason);
      signal.addEventListener('abort', reader.onAbort, { once: true });
    });
  }

  /** Asks for all who gathered, when there is room for a round. `ask` answers false when nobody can be asked now. */
  flush(tick: number, ask: (context: Uint8Array) => boolean): void {
    if (this.#gathering.length === 0 || this.#rounds.size >= MAX_ROUNDS) return;
    const context = this.#nextContext();
    if (!ask(context)) return;
    this.#rounds.set(toLatin1(context), { readers: this.#gathering, askedTick: tick });
    this.#gathering = [];
  }

  answered({ context, index }: ReadState): void {
    const round = this.#takeRound(toLatin1(context));
    for (const reader of round?.readers ?? []) {
      if (reader.over) continue;
      this.#end(reader);
      reader.resolve(index);
    }
  }

  /** Rounds asked before `retryBefore` are asked anew; readers that wait since before `expireBefore` fail. */
  tick(retryBefore: number, expireBefore: number): void {
    for (const [key, { readers, askedTick }] of this.#rounds) {
      if (askedTick >= retryBefore) continue;
      this.#takeRound(key);
      this.#gathering = [...readers, ...this.#gathering];
    }
    if (!this.#gathering.some(({ sinceTick, over }) => over || sinceTick < expireBefore)) return;
    for (const reader of this.#gathering) {
      if (reader.sinceTick < expireBefore)
        this.#fail(reader, new RaftError('NO_LEADER', 'no leader confirmed the read in time'));
    }
    this.#gathering = this.#gathering.filter(({ over }) => !over);
  }

  /** The leader that was asked is gone. */
  failAsked(error: unknown): void {
    for (const key of [...this.#rounds.keys()]) {
      for (const reader of this.#takeRound(key)!.readers) this.#fail(reader, error);
    }
  }

  failAll(error: unknown): void {
    this.failAsked(error);
    for (const reader of this.#gathering.splice(0)) this.#fail(reader, error);
  }

  #takeRound(key: string): Round | undefined {
    const round = this.#rounds.get(key);
    this.#rounds.delete(key);
    return round;
  }

  #nextContext(): Uint8Array {
    this.#sequence = BigInt.asUintN(64, this.#sequence + 1n);
    const context = this.#context.slice();
    new DataView(context.buffer).setBigUint64(8, this.#sequence);
    return context;
  }

  #fail(reader: Reader, error: unknown): void {
    if (reader.over) return;
    this.#end(reader);
    reader.reject(error);
  }

  #end(reader: Reader): void {
    reader.over = true;
    this.#size--;
    if (reader.onAbort !== undefined) reader.signal?.removeEventListener('abort', reader.onAbort);
  }
}
