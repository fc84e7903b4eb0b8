import { assert } from '@kontiki/std';
import type { Entry, LogIndex, Snapshot, Term } from '../types.js';

/** A batch handed to the disk and not yet confirmed. */
interface Flight {
  /** First and last entry in it; an empty range (`first > last`) when it carries none. */
  readonly first: LogIndex;
  readonly last: LogIndex;
  readonly snapshot: Snapshot | undefined;
}

/**
 * The tail of the log that is not known to be durable, and what of it is on its way to the disk.
 *
 * ```
 *   durable | offset ... handed-1 | handed ... last
 *           |    in flight        |   not handed out
 * ```
 * Batches reach the disk in the order they were handed out. A batch in flight may be overtaken: its entries are cut off
 * and others take their place, perhaps even equal ones again. An entry is durable only when its batch has arrived and
 * no later batch starts at or below it.
 *
 * Invariants: entries[i].index = offset + i; offset ≤ handed ≤ last + 1.
 */
export class Unstable {
  #offset: LogIndex;
  #entries: Entry[] = [];
  #handed: LogIndex;
  #snapshot: Snapshot | undefined;
  #snapshotHanded = false;
  readonly #flights: Flight[] = [];

  constructor(offset: LogIndex) {
    this.#offset = offset;
    this.#handed = offset;
  }

  /** The first index that is held here, not by the reader. */
  get offset(): LogIndex {
    return this.#offset;
  }

  get last(): LogIndex {
    return this.#offset + this.#entries.length - 1;
  }

  /** A received snapshot that is not durable yet; while there is one, the reader's log is void. */
  get snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  get inFlight(): number {
    return this.#flights.length;
  }

  get hasUnhanded(): boolean {
    return this.#handed <= this.last || (this.#snapshot !== undefined && !this.#snapshotHanded);
  }

  term(index: LogIndex): Term | undefined {
    if (index === this.#offset - 1 && this.#snapshot !== undefined) return this.#snapshot.meta.term;
    return this.#entries[index - this.#offset]?.term;
  }

  slice(start: LogIndex, end: LogIndex): readonly Entry[] {
    return this.#entries.slice(start - this.#offset, end - this.#offset);
  }

  /** Replaces everything from `entries[0].index` on; may reach below the offset, never leaves a gap. */
  append(entries: readonly Entry[]): void {
    const start = entries[0]?.index;
    if (start === undefined) return;
    assert(start <= this.last + 1, `entry ${start} would leave a gap after ${this.last}`);
    if (start < this.#offset) {
      this.#offset = start;
      this.#entries = [];
    } else {
      this.#entries.length = start - this.#offset;
    }
    this.#handed = Math.min(this.#handed, start);
    for (const entry of entries) this.#entries.push(entry);
  }

  /** Everything is replaced by a snapshot. */
  restore(snapshot: Snapshot): void {
    this.#offset = snapshot.meta.index + 1;
    this.#handed = this.#offset;
    this.#entries = [];
    this.#snapshot = snapshot;
    this.#snapshotHanded = false;
  }

  /** The next batch for the disk; it counts as in flight from now on. */
  take(): { readonly entries: readonly Entry[]; readonly snapshot: Snapshot | undefined } {
    const first = this.#handed;
    const entries = this.slice(first, this.last + 1);
    const snapshot = this.#snapshotHanded ? undefined : this.#snapshot;
    this.#handed = this.last + 1;
    if (snapshot !== undefined) this.#snapshotHanded = true;
    this.#flights.push({ first: entries.length === 0 ? Number.MAX_SAFE_INTEGER : first, last: this.last, snapshot });
    return { entries, snapshot };
  }

  /** The oldest batch in flight is durable. Answers the snapshot that became durable with it, if it still matters. */
  landed(): Snapshot | undefined {
    const flight = this.#flights.shift();
    assert(flight !== undefined, 'a batch was reported durable that was never handed out');
    let snapshot: Snapshot | undefined;
    if (flight.snapshot !== undefined && flight.snapshot === this.#snapshot) {
      snapshot = flight.snapshot;
      this.#snapshot = undefined;
    }
    if (flight.first > flight.last) return snapshot;
    // What was cut off, or replaced by a snapshot, since it was handed out ends the part that counts: the same places
    // were handed out again, or wait to be.
    let durable = Math.min(flight.last, this.#handed - 1);
    for (const later of this.#flights) durable = Math.min(durable, later.first - 1);
    if (durable >= this.#offset) {
      this.#entries = this.#entries.slice(durable + 1 - this.#offset);
      this.#offset = durable + 1;
    }
    return snapshot;
  }
}
