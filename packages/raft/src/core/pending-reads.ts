import type { JointVoters } from '../quorum/joint.js';
import { jointIndex } from '../quorum/joint.js';
import type { LogIndex, NodeId } from '../types.js';

/** Somebody wants to read linearizably: this node itself, or a follower that asks for one of its own readers. */
export interface ReadRequest {
  readonly from: NodeId;
  readonly context: Uint8Array;
}

/** Whoever applied up to `index` may answer. */
export interface ConfirmedRead extends ReadRequest {
  readonly index: LogIndex;
}

interface Waiting extends ConfirmedRead {
  readonly round: number;
}

/**
 * A leader's linearizable reads that wait for proof that it still leads (dissertation §6.4).
 *
 * Rounds are numbered. Requests join the round that is not announced yet; announcing it is a heartbeat to everybody
 * that carries its number. Whoever answers number n has heard this leader after every round up to n began, so one
 * answer confirms all of them, and the round a quorum has reached is found as a commit index is.
 *
 * Invariants: 0 ≤ confirmed ≤ announced ≤ current ≤ announced + 1; waiting is in order of rounds; at most `max` wait.
 */
export class PendingReads {
  readonly #max: number;
  #announced = 0;
  /** In order of arrival. Before the leader's term has a committed entry, nobody may be told an index. */
  #unindexed: ReadRequest[] = [];
  #waiting: Waiting[] = [];
  readonly #heard: Map<NodeId, number> = new Map();

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#unindexed.length + this.#waiting.length;
  }

  /** A round has members but was not announced. */
  get unannounced(): boolean {
    return this.#waiting.length > 0 && this.#waiting.at(-1)!.round > this.#announced;
  }

  /** The last announced round, 0 when nobody waits for it: what a periodic heartbeat repeats. */
  get open(): number {
    return this.#waiting.length > 0 ? this.#announced : 0;
  }

  /** Waits until the leader knows what is committed. False: too many wait, dropped. */
  postpone(request: ReadRequest): boolean {
    if (this.size >= this.#max) return false;
    this.#unindexed.push(request);
    return true;
  }

  /** The leader has committed in its term: postponed requests join the next round. */
  admitPostponed(index: LogIndex): void {
    for (const request of this.#unindexed) this.#join(request, index);
    this.#unindexed = [];
  }

  /** Joins the next round; `index` is the commit index as of now. False: too many wait, dropped. */
  add(request: ReadRequest, index: LogIndex): boolean {
    if (this.size >= this.#max) return false;
    this.#join(request, index);
    return true;
  }

  /** Starts the next round. Answers its number, which the heartbeats carry. */
  announce(): number {
    return ++this.#announced;
  }

  /** `id` has answered a heartbeat of round `round`. */
  heard(id: NodeId, round: number): void {
    if (round <= this.#announced && round > (this.#heard.get(id) ?? 0)) this.#heard.set(id, round);
  }

  /** Takes out, and answers, what a quorum has confirmed; `self` has heard every round. */
  takeConfirmed(self: NodeId, voters: JointVoters): readonly ConfirmedRead[] {
    if (this.#waiting.length === 0) return [];
    const confirmed = jointIndex(voters, (id) => (id === self ? this.#announced : (this.#heard.get(id) ?? 0)));
    let count = 0;
    while (count < this.#waiting.length && this.#waiting[count]!.round <= confirmed) count++;
    return this.#waiting.splice(0, count);
  }

  /** No longer leader. */
  clear(): void {
    this.#announced = 0;
    this.#unindexed = [];
    this.#waiting = [];
    this.#heard.clear();
  }

  #join(request: ReadRequest, index: LogIndex): void {
    this.#waiting.push({ ...request, index, round: this.#announced + 1 });
  }
}

/** A round's number as the context of its heartbeats: 8 bytes, big endian; round 0 is no context. */
export function roundContext(round: number): Uint8Array {
  if (round === 0) return new Uint8Array(0);
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(round));
  return bytes;
}

/** 0 when the context is none of ours. */
export function contextRound(context: Uint8Array): number {
  if (context.length !== 8) return 0;
  return Number(new DataView(context.buffer, context.byteOffset, 8).getBigUint64(0));
}
