import type { Backend } from './backend/backend.js';
import { KEY_TABLE, readMarks } from './backend/layout.js';
import { latin1Between, readFields } from './codec.js';
import { MvccError } from './errors.js';
import { KeyIndex } from './index/key-index.js';
import { keyOrder } from './index/key-order.js';
import { decodeRevision, isTombstone } from './revision.js';
import type { Key, Revision } from './types.js';

/** What a backend tells about the store it held. */
export interface Restored {
  readonly index: KeyIndex;
  readonly revision: number;
  readonly compactedRevision: number;
  /** A compaction to carry through: it was asked for, and then the process ended. */
  readonly interrupted: number | undefined;
  /** Stored versions, and the bytes of their values. */
  readonly versions: number;
  readonly valueBytes: number;
  /** Of every key that exists and has one. */
  readonly leases: ReadonlyMap<Key, bigint>;
}

const CHUNK = 1000;

/** Changes that are sorted by key before they go into the index, where neighbours then find each other's nodes at hand. */
const BATCH = 200_000;

/** Instead of both where others need the thread meanwhile: as many as are read and indexed in a few milliseconds. */
const SMALL = 500;

/** Numbers to a change: main, sub, whether it is a tombstone, createRevision, version. */
const NUMBERS = 5;

/**
 * Rebuilds what a store has in memory. Throws `CORRUPT`.
 *
 * A compaction may have been interrupted anywhere: then some versions below its revision are gone and some are not, and
 * even the newest of all may be among those gone. So the revision is never below that of the compaction.
 *
 * @param breathe  called, and waited for, every few milliseconds; may throw to give up. Absent: nobody else needs the thread
 */
export async function restore(backend: Backend, breathe?: () => Promise<void>): Promise<Restored> {
  const { scheduled, finished } = readMarks(backend);
  const compactedRevision = Math.max(scheduled ?? -1, finished ?? -1);
  const index = new KeyIndex();
  const leases = new Map<Key, bigint>();
  const { chunk, batchSize } =
    breathe === undefined ? { chunk: CHUNK, batchSize: BATCH } : { chunk: SMALL, batchSize: SMALL };
  let batch = new Batch();
  let newest = { main: 1, sub: 0 };
  let versions = 0;
  let valueBytes = 0;
  for await (const records of backend.scan(KEY_TABLE, { chunk })) {
    for (const [revisionKey, value] of records) {
      const revision = decodeRevision(revisionKey);
      if (revision.main < newest.main || (revision.main === newest.main && revision.sub < newest.sub)) {
        throw new MvccError('CORRUPT', `revision ${revision.main}.${revision.sub} is stored out of order`);
      }
      newest = revision;
      const fields = readFields(value);
      const key = latin1Between(value, fields.keyStart, fields.keyEnd);
      batch.add(key, revision, isTombstone(revisionKey), fields.createRevision, fields.version);
      const lease = fields.lease();
      if (lease !== 0n) leases.set(key, lease);
      else if (leases.size > 0) leases.delete(key);
      versions++;
      valueBytes += value.length;
      if (batch.size < batchSize) continue;
      batch.restore(index);
      batch = new Batch();
    }
    await breathe?.();
  }
  batch.restore(index);
  return {
    index,
    revision: Math.max(newest.main, compactedRevision),
    compactedRevision,
    interrupted: scheduled !== undefined && scheduled > (finished ?? -1) ? scheduled : undefined,
    versions,
    valueBytes,
    leases,
  };
}

/** Changes in revision order, to be put into the index in the order of their keys. */
class Batch {
  readonly #keys: Key[] = [];
  #numbers = new Float64Array(1000 * NUMBERS);

  get size(): number {
    return this.#keys.length;
  }

  add(key: Key, { main, sub }: Revision, tombstone: boolean, createRevision: number, version: number): void {
    const at = this.#keys.length * NUMBERS;
    if (at === this.#numbers.length) this.#grow();
    const numbers = this.#numbers;
    numbers[at] = main;
    numbers[at + 1] = sub;
    numbers[at + 2] = tombstone ? 1 : 0;
    numbers[at + 3] = createRevision;
    numbers[at + 4] = version;
    this.#keys.push(key);
  }

  #grow(): void {
    const larger = new Float64Array(2 * this.#numbers.length);
    larger.set(this.#numbers);
    this.#numbers = larger;
  }

  restore(index: KeyIndex): void {
    const numbers = this.#numbers;
    for (const position of keyOrder(this.#keys)) {
      const at = position * NUMBERS;
      const tombstone = numbers[at + 2] === 1;
      index.restore(
        this.#keys[position]!,
        numbers[at]!,
        numbers[at + 1]!,
        tombstone,
        numbers[at + 3]!,
        numbers[at + 4]!,
      );
    }
  }
}
