import { compare, toLatin1 } from '@kontiki/std';
import type { Records } from './backend.js';

/** What a key will hold: the value, or null when it is deleted. */
export type Pending = Uint8Array | null;

/** A pending write of a table. */
export interface PendingWrite {
  readonly key: Uint8Array;
  readonly value: Pending;
  /** Of a delete: how long the value on disk is, if the caller knew. */
  readonly valueBytes: number | undefined;
}

/** A pending write, with the latin1 form of its key. */
export interface PendingRecord extends PendingWrite {
  readonly order: string;
}

type Slot = { -readonly [field in keyof PendingWrite]: PendingWrite[field] };

/**
 * The pending writes of one table. Keys that come in order, as revisions do, are just appended to `run`; only those that
 * do not, and are not in the run, go into a map.
 */
class TableBuffer {
  readonly run: Slot[] = [];
  readonly others = new Map<string, Slot>();

  find(key: Uint8Array): Slot | undefined {
    return this.#inRun(key) ?? (this.others.size === 0 ? undefined : this.others.get(toLatin1(key)));
  }

  add(slot: Slot): void {
    const last = this.run[this.run.length - 1];
    if (last === undefined || compare(last.key, slot.key) < 0) this.run.push(slot);
    else this.others.set(toLatin1(slot.key), slot);
  }

  *slots(): Iterable<Slot> {
    yield* this.run;
    yield* this.others.values();
  }

  #inRun(key: Uint8Array): Slot | undefined {
    const { run } = this;
    // Mostly it is above or below all of them.
    if (run.length === 0 || compare(run[run.length - 1]!.key, key) < 0) return undefined;
    let low = 0;
    let high = run.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(run[middle]!.key, key) < 0) low = middle + 1;
      else high = middle;
    }
    const found = run[low]!;
    return compare(found.key, key) === 0 ? found : undefined;
  }
}

/**
 * Writes on their way to a database, by table: the last one of each key.
 * Reads look here first; scans lay what is here over what the database has.
 */
export class WriteBuffer {
  readonly #tables = new Map<string, TableBuffer>();
  #changes = 0;
  #bytes = 0;

  /** Writes that a commit will carry: keys, not calls. */
  get changes(): number {
    return this.#changes;
  }

  /** Their keys and values. */
  get bytes(): number {
    return this.#bytes;
  }

  set(table: string, key: Uint8Array, value: Pending, valueBytes?: number): void {
    let writes = this.#tables.get(table);
    if (writes === undefined) {
      writes = new TableBuffer();
      this.#tables.set(table, writes);
    }
    const before = writes.find(key);
    if (before === undefined) {
      writes.add({ key, value, valueBytes });
      this.#changes++;
      this.#bytes += key.length + (value?.length ?? 0);
    } else {
      this.#bytes += (value?.length ?? 0) - (before.value?.length ?? 0);
      before.value = value;
      // What was replaced never got to the disk, so the caller does not know what is there.
      before.valueBytes = undefined;
    }
  }

  /** Undefined: no write of that key is pending. */
  get(table: string, key: Uint8Array): Pending | undefined {
    return this.#tables.get(table)?.find(key)?.value;
  }

  /** All of it, in no order. */
  *writes(): Iterable<readonly [table: string, write: PendingWrite]> {
    for (const [table, writes] of this.#tables) for (const slot of writes.slots()) yield [table, slot];
  }

  /** Of one table, the writes with `start <= key < end`, in no order. */
  within(table: string, start: Uint8Array | undefined, end: Uint8Array | undefined): PendingRecord[] {
    const found: PendingRecord[] = [];
    for (const slot of this.#tables.get(table)?.slots() ?? []) {
      const { key } = slot;
      if (start !== undefined && compare(key, start) < 0) continue;
      if (end === undefined || compare(key, end) < 0) found.push({ ...slot, order: toLatin1(key) });
    }
    return found;
  }
}

/** One ordered list of several buffers' writes, the later buffer's where both have a key. */
export function overlay(lists: readonly (readonly PendingRecord[])[]): readonly PendingRecord[] {
  const last = new Map<string, PendingRecord>();
  for (const list of lists) for (const record of list) last.set(record.order, record);
  return [...last.values()].sort((a, b) => (a.order < b.order ? -1 : 1));
}

/**
 * Lays pending writes over a chunk of stored records, both in key order: writes before the chunk's end are used up.
 * @param pending  from `at` on not yet used
 * @param last  no more records come after these
 * @returns the records to show, and how far `pending` is used
 */
export function lay(
  records: Records,
  pending: readonly PendingRecord[],
  at: number,
  last: boolean,
): { readonly shown: Records; readonly at: number } {
  const shown: (readonly [Uint8Array, Uint8Array])[] = [];
  let next = at;
  const show = ({ key, value }: PendingRecord): void => {
    if (value !== null) shown.push([key, value]);
  };
  for (const record of records) {
    if (next < pending.length) {
      const order = toLatin1(record[0]);
      while (next < pending.length && pending[next]!.order < order) show(pending[next++]!);
      if (next < pending.length && pending[next]!.order === order) {
        show(pending[next++]!);
        continue;
      }
    }
    shown.push(record);
  }
  if (last) while (next < pending.length) show(pending[next++]!);
  return { shown, at: next };
}
