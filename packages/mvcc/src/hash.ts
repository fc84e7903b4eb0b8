/*
 * A checksum of all history up to a revision, byte for byte the one etcd's HashKV gives: CRC-32C over the table's name
 * and then every stored (revision key, value) that counts. What counts does not depend on how far a compaction has got:
 *
 * - nothing above the revision asked for;
 * - above the compacted revision everything;
 * - at or below it only what the revision asked for still shows, that is the newest version of every key that exists
 *   then; when no key exists then, what the compaction leaves;
 * - never a tombstone at the compacted revision: some versions of etcd remove it and some do not.
 */
import { crc32c, fromLatin1, toLatin1 } from '@kontiki/std';
import type { Backend } from './backend/backend.js';
import { KEY_TABLE } from './backend/layout.js';
import { readFields } from './codec.js';
import type { KeyIndex } from './index/key-index.js';
import { all } from './range.js';
import { decodeRevision, isTombstone, revisionBound } from './revision.js';
import type { Slices } from './slices.js';

/** Records between two looks at the clock. */
const STRIDE = 64;

/**
 * @param revision  history up to here; must not be below `compactedRevision`
 * @param index  must not be compacted until the answer is there
 */
export async function hashHistory(
  backend: Backend,
  index: KeyIndex,
  revision: number,
  compactedRevision: number,
  slices: Slices,
): Promise<number> {
  const shownAt = index.count(all(), revision) > 0 ? revision : compactedRevision;
  let hash = crc32c(fromLatin1(KEY_TABLE));
  if (revision < 0) return hash;
  let seen = 0;
  for await (const records of backend.scan(KEY_TABLE, { end: revisionBound(revision + 1) })) {
    for (const [revisionKey, value] of records) {
      if (counts(index, revisionKey, value, shownAt, compactedRevision))
        hash = crc32c(value, crc32c(revisionKey, hash));
      if (++seen % STRIDE === 0 && slices.due) await slices.next();
    }
  }
  return hash;
}

function counts(
  index: KeyIndex,
  revisionKey: Uint8Array,
  value: Uint8Array,
  shownAt: number,
  compactedRevision: number,
): boolean {
  const { main, sub } = decodeRevision(revisionKey);
  if (main > compactedRevision) return true;
  if (isTombstone(revisionKey)) return false;
  const { keyStart, keyEnd } = readFields(value);
  const shown = index.at(toLatin1(value.subarray(keyStart, keyEnd)), shownAt);
  return shown !== undefined && shown.main === main && shown.sub === sub;
}
