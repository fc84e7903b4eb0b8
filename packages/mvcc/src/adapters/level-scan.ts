import type { Records } from '../backend/backend.js';
import { lay, type PendingRecord } from '../backend/buffer.js';
import type { LevelIterator } from './level-database.js';

/**
 * A table as its records in the database and the pending writes over them make it, in chunks.
 * @param stored  is closed in the end
 * @param counted  called when all was read: how many records the database has, and what their keys and values come to
 */
export async function* mergedScan(
  stored: LevelIterator,
  pending: readonly PendingRecord[],
  chunk: number,
  counted: (records: number, bytes: number) => void,
): AsyncGenerator<Records> {
  let records = 0;
  let bytes = 0;
  try {
    let at = 0;
    let next = stored.nextv(chunk);
    while (true) {
      const read = await next;
      const last = read.length === 0;
      if (!last) {
        // Read on while the consumer is busy; if it leaves, nobody will ask how that went.
        next = stored.nextv(chunk);
        next.catch(() => {});
      }
      for (const record of read) {
        record[0] = withoutTable(record[0]);
        records++;
        bytes += record[0].length + record[1].length;
      }
      if (pending.length === 0) {
        if (!last) yield read;
      } else {
        const merged = lay(read, pending, at, last);
        at = merged.at;
        if (merged.shown.length > 0) yield merged.shown;
      }
      if (last) break;
    }
  } finally {
    await stored.close();
  }
  counted(records, bytes);
}

/** A record's own key. */
function withoutTable(key: Uint8Array): Uint8Array {
  return new Uint8Array(key.buffer, key.byteOffset + 1, key.length - 1);
}
