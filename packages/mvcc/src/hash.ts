/*
 * A checksum of all history up to a revision, byte for byte the one etcd's HashKV gives: CRC-32C over the table's name
 * and then every stored (revision key, value) that counts. What counts does not depend on how far a compaction has got:
 *
 * - nothing above the revision asked for;
 * - above the compacted revision everything;
 * - at or below it only what the revision asked for still shows, that is the newest version of every key that exists
 *   then; when no key exists then, what the compaction leaves. For this last question a key that the very write of the
 *   revision deleted and put again does not exist: etcd stops at its tombstone;
 * - never a tombstone at the compacted revision: some versions of etcd remove it and some do not.
 */
import { crc32c, fromLatin1 } from '@kontiki/std';
import type { Backend } from './backend/backend.js';
import { KEY_TABLE } from './backend/layout.js';
import { latin1Between, readFields } from './codec.js';
import type { KeyIndex } from './index/key-index.js';
import { all } from './range.js';
import { decodeRevision, isTombstone, revisionBound } from './revision.js';
import type { Slices } from './slices.js';
import type { Key } from './types.js';

/** Records between two looks at the clock. */
const STRIDE = 64;

export interface HistoryHash {
  /** CRC-32C. */
  readonly hash: number;
  /** What was compacted when it was computed, -1 for nothing: hashes compare only where this is equal. */
  readonly compactRevision: number;
  /** History up to here is in it. */
  readonly hashRevision: number;
}

/** What a hash is of. */
export interface HashJob {
  readonly backend: Backend;
  /** Must not be compacted until the answer is there. */
  readonly index: KeyIndex;
  /** Must not be below `compactedRevision`. */
  readonly revision: number;
  readonly compactedRevision: number;
  /** It is what a compaction at `revision` is about to leave behind: etcd then takes the last tombstone for something shown. */
  readonly compacting: boolean;
  readonly slices: Slices;
  /** Called after every pause; may throw to give up. */
  readonly check: () => void;
}

export async function hashHistory(job: HashJob): Promise<HistoryHash> {
  const { backend, index, revision, compactedRevision, slices } = job;
  const isShown = await showsAny(job);
  const shownAt = isShown ? revision : compactedRevision;
  let hash = crc32c(fromLatin1(KEY_TABLE));
  let seen = 0;
  for await (const records of backend.scan(KEY_TABLE, { end: revisionBound(Math.max(revision, 0) + 1) })) {
    for (const [revisionKey, value] of records) {
      if (counts(index, revisionKey, value, shownAt, compactedRevision))
        hash = crc32c(value, crc32c(revisionKey, hash));
      if (++seen % STRIDE !== 0 || !slices.due) continue;
      await slices.next();
      job.check();
    }
  }
  return { hash, compactRevision: compactedRevision, hashRevision: revision };
}

/** Whether etcd's walk over the index finds a key at the revision asked for. It stops at a tombstone of that revision. */
async function showsAny({ backend, index, revision, compacting }: HashJob): Promise<boolean> {
  const deleted = await deletedAt(backend, revision);
  const alive = index.count(all(), revision);
  if (compacting) return alive > 0 || deleted.size > 0;
  let reborn = 0;
  for (const key of deleted) if (index.at(key, revision) !== undefined) reborn++;
  return alive > reborn;
}

/** Keys with a tombstone of exactly this revision, also those put again by the same write. */
async function deletedAt(backend: Backend, revision: number): Promise<ReadonlySet<Key>> {
  const bounds = { start: revisionBound(revision), end: revisionBound(revision + 1) };
  const keys = new Set<Key>();
  for await (const records of backend.scan(KEY_TABLE, bounds)) {
    for (const [revisionKey, value] of records) {
      if (!isTombstone(revisionKey)) continue;
      const { keyStart, keyEnd } = readFields(value);
      keys.add(latin1Between(value, keyStart, keyEnd));
    }
  }
  return keys;
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
  const shown = index.at(latin1Between(value, keyStart, keyEnd), shownAt);
  return shown !== undefined && shown.main === main && shown.sub === sub;
}
