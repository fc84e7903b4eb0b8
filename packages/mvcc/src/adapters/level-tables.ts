/*
 * What the adapter keeps in the database for itself, all under the table number 0, written with every batch:
 *
 *   0, n          table n: how many records, how many bytes they are, its name     (n from 1)
 *   0, 0, slot    the number of a batch, in slot (number mod 256)
 *
 * A record of table n has the key: n, then its own key.
 */
import { fromLatin1, toLatin1 } from '@kontiki/std';
import { MvccError } from '../errors.js';
import { Slabs } from '../slabs.js';

/** Batches whose numbers are remembered. */
export const REMEMBERED = 256;

const MAX_TABLES = 254;

/** A table and what its committed records come to. */
export interface LevelTable {
  readonly name: string;
  readonly number: number;
  records: number;
  bytes: number;
  /** No record's key is above it; undefined while there is none. A put above it needs no look at what it replaces. */
  highest: Uint8Array | undefined;
}

/** Tables by name; numbers are given out in the order of the first write. */
export class LevelTables {
  readonly #byName = new Map<string, LevelTable>();

  get(name: string): LevelTable | undefined {
    return this.#byName.get(name);
  }

  /** The table, made if need be. Its name is on disk with the first batch that carries {@link describe}. */
  open(name: string): LevelTable {
    let table = this.#byName.get(name);
    if (table === undefined) {
      if (this.#byName.size >= MAX_TABLES) throw new RangeError(`a backend has at most ${MAX_TABLES} tables`);
      table = { name, number: this.#byName.size + 1, records: 0, bytes: 0, highest: undefined };
      this.#byName.set(name, table);
    }
    return table;
  }

  add(table: LevelTable): void {
    this.#byName.set(table.name, table);
  }

  all(): readonly LevelTable[] {
    return [...this.#byName.values()];
  }
}

const keys = new Slabs();

/**
 * Where a record of a table is. A piece of a larger block: a small array of its own lives inside the JavaScript heap, and
 * would have to be moved out of it for native code to see.
 */
export function recordKey(table: number, key: Uint8Array): Uint8Array {
  const whole = keys.allocate(key.length + 1);
  whole[0] = table;
  whole.set(key, 1);
  return whole;
}

export function describe(table: LevelTable): { key: Uint8Array; value: Uint8Array } {
  const value = new Uint8Array(16 + table.name.length);
  const numbers = new DataView(value.buffer);
  numbers.setFloat64(0, table.records);
  numbers.setFloat64(8, table.bytes);
  value.set(fromLatin1(table.name), 16);
  return { key: Uint8Array.of(0, table.number), value };
}

/** Undefined for a record that describes no table. Throws `CORRUPT`. */
export function readDescription(key: Uint8Array, value: Uint8Array): LevelTable | undefined {
  if (key.length !== 2) return undefined;
  if (value.length <= 16)
    throw new MvccError('CORRUPT', `the description of table ${key[1]} is ${value.length} bytes long`);
  const numbers = new DataView(value.buffer, value.byteOffset);
  const name = toLatin1(value.subarray(16));
  return { name, number: key[1]!, records: numbers.getFloat64(0), bytes: numbers.getFloat64(8), highest: undefined };
}

export function batchMark(batch: number): { key: Uint8Array; value: Uint8Array } {
  const value = new Uint8Array(8);
  new DataView(value.buffer).setFloat64(0, batch);
  return { key: Uint8Array.of(0, 0, batch % REMEMBERED), value };
}

/** The batch a record marks; undefined for a record that marks none. */
export function readBatchMark(key: Uint8Array, value: Uint8Array): number | undefined {
  if (key.length !== 3 || value.length !== 8) return undefined;
  return new DataView(value.buffer, value.byteOffset).getFloat64(0);
}

/**
 * The newest batch of those marked. Batches are lost from the end or not at all, or what is stored is no state that ever was.
 * Throws `CORRUPT` when one before the newest is missing: the marks show it for the last {@link REMEMBERED}.
 */
export function newestBatch(marked: ReadonlySet<number>): number {
  const newest = Math.max(0, ...marked);
  for (let batch = newest; batch > Math.max(newest - REMEMBERED, 0); batch--) {
    if (marked.has(batch)) continue;
    throw new MvccError(
      'CORRUPT',
      `the database has batch ${newest} but lost batch ${batch}: it is in no state it ever was; restore it from a copy or a peer`,
    );
  }
  return newest;
}
