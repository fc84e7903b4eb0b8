import { toLatin1 } from '@kontiki/std';

/** A write that is not committed yet: the value, or null for a delete. */
export type Pending = Uint8Array | null;

/** A pending write with its key, as scans want it. */
export interface PendingRecord {
  /** The latin1 form of `key`. */
  readonly order: string;
  readonly key: Uint8Array;
  readonly value: Pending;
}

/** The last write of one key in a buffer. */
interface Written {
  readonly key: Uint8Array;
  value: Pending;
  /** Of a delete: how long the value on disk is, if the caller knew. */
  valueBytes: number | undefined;
}

/**
 * Writes on their way to a database, by table: the last one of each key.
 * Reads look here first; scans lay what is here over what the database has.
 */
export class WriteBuffer {
  readonly #tables = new Map<string, Map<string, Written>>();
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

  set(table: string, order: string, key: Uint8Array, value: Pending, valueBytes?: number): void {
    let writes = this.#tables.get(table);
    if (writes === undefined) {
      writes = new Map();
      this.#tables.set(table, writes);
    }
    const before = writes.get(order);
    if (before === undefined) {
      writes.set(order, { key, value, valueBytes });
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
  get(table: string, order: string): Pending | undefined {
    return this.#tables.get(table)?.get(order)?.value;
  }

  /** All of it, in no order. */
  *writes(): Iterable<Readonly<Written> & { readonly table: string; readonly order: string }> {
    for (const [table, writes] of this.#tables) {
      for (const [order, { key, value, valueBytes }] of writes) yield { table, order, key, value, valueBytes };
    }
  }

  /** Of one table, the writes with `start <= key < end`, in no order. */
  within(table: string, start: string, end: string | undefined): PendingRecord[] {
    const found: PendingRecord[] = [];
    for (const [order, { key, value }] of this.#tables.get(table) ?? []) {
      if (order >= start && (end === undefined || order < end)) found.push({ order, key, value });
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
  records: readonly (readonly [Uint8Array, Uint8Array])[],
  pending: readonly PendingRecord[],
  at: number,
  last: boolean,
): { readonly shown: (readonly [Uint8Array, Uint8Array])[]; readonly at: number } {
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
