import type { Backend } from './backend/backend.js';
import { KEY_TABLE, readMarks } from './backend/layout.js';
import { latin1Between, readFields } from './codec.js';
import { MvccError } from './errors.js';
import { KeyIndex } from './index/key-index.js';
import { decodeRevision, isTombstone } from './revision.js';
import type { Key } from './types.js';

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
}

const CHUNK = 2000;

/**
 * Rebuilds what a store has in memory. Throws `CORRUPT`.
 *
 * A compaction may have been interrupted anywhere: then some versions below its revision are gone and some are not, and
 * even the newest of all may be among those gone. So the revision is never below that of the compaction.
 *
 * @param onAttached  is called for every key that exists and has a lease, when all is read
 */
export async function restore(backend: Backend, onAttached?: (key: Key, lease: bigint) => void): Promise<Restored> {
  const { scheduled, finished } = readMarks(backend);
  const compactedRevision = Math.max(scheduled ?? -1, finished ?? -1);
  const index = new KeyIndex();
  const leases = new Map<Key, bigint>();
  let newest = { main: 1, sub: 0 };
  let versions = 0;
  let valueBytes = 0;
  for await (const records of backend.scan(KEY_TABLE, { chunk: CHUNK })) {
    for (const [revisionKey, value] of records) {
      const revision = decodeRevision(revisionKey);
      if (revision.main < newest.main || (revision.main === newest.main && revision.sub < newest.sub)) {
        throw new MvccError('CORRUPT', `revision ${revision.main}.${revision.sub} is stored out of order`);
      }
      newest = revision;
      const fields = readFields(value);
      const key = latin1Between(value, fields.keyStart, fields.keyEnd);
      const tombstone = isTombstone(revisionKey);
      index.restore(key, revision.main, revision.sub, tombstone, fields.createRevision, fields.version);
      const lease = fields.lease();
      if (lease !== 0n) leases.set(key, lease);
      else if (leases.size > 0) leases.delete(key);
      versions++;
      valueBytes += value.length;
    }
  }
  if (onAttached !== undefined) for (const [key, lease] of leases) onAttached(key, lease);
  return {
    index,
    revision: Math.max(newest.main, compactedRevision),
    compactedRevision,
    interrupted: scheduled !== undefined && scheduled > (finished ?? -1) ? scheduled : undefined,
    versions,
    valueBytes,
  };
}
