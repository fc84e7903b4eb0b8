/*
 * Where a store keeps what, with etcd's names:
 *
 *   key    revision -> KeyValue
 *   meta   scheduledCompactRev -> revision of the last compaction asked for
 *          finishedCompactRev  -> revision of the last compaction carried through
 */
import { fromLatin1 } from '@kontiki/std';
import { decodeRevision, encodeRevision } from '../revision.js';
import type { Backend } from './backend.js';

export const KEY_TABLE = 'key';
export const META_TABLE = 'meta';

const SCHEDULED: Uint8Array = fromLatin1('scheduledCompactRev');
const FINISHED: Uint8Array = fromLatin1('finishedCompactRev');

/** Undefined: there was none. */
export interface CompactionMarks {
  readonly scheduled: number | undefined;
  readonly finished: number | undefined;
}

export function readMarks(backend: Backend): CompactionMarks {
  const mark = (key: Uint8Array): number | undefined => {
    const bytes = backend.get(META_TABLE, key);
    return bytes && decodeRevision(bytes).main;
  };
  return { scheduled: mark(SCHEDULED), finished: mark(FINISHED) };
}

export function markScheduled(backend: Backend, revision: number): void {
  backend.put(META_TABLE, SCHEDULED, encodeRevision(revision, 0, false));
}

export function markFinished(backend: Backend, revision: number): void {
  backend.put(META_TABLE, FINISHED, encodeRevision(revision, 0, false));
}
