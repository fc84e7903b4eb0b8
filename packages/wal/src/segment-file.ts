import type { File, FileSystem } from '@kontiki/std';
import type { BatchEncoder } from './batch.js';
import { join } from './directory.js';
import { MARK_BYTES, putMark, type WalRecord } from './frame.js';
import { type Segment, UNFINISHED } from './segment-name.js';

/** A file of the log at the point where the next record goes. */
export interface OpenSegment {
  readonly segment: Segment;
  readonly file: File;
  /** End of the last record. */
  offset: number;
  /** The chain at `offset`. */
  chain: number;
  /** Everything before it survives a power cut. `durable ≤ offset` */
  durable: number;
  /** The size of the file: what lies between `offset` and here is zero. `offset ≤ reserved` */
  reserved: number;
  /** Whether the last record is a mark. */
  marked: boolean;
}

/**
 * Makes a segment under a temporary name and gives it its own once its head is on the disk, so that no segment without
 * a whole head ever has a name. The head ends with a mark: it tells our files from those of a writer without marks.
 *
 * @param sync  false: do not wait for the disk, and promise nothing with a mark
 */
export async function createSegment(
  fileSystem: FileSystem,
  directory: string,
  segment: Segment,
  chain: number,
  head: readonly WalRecord[],
  encoder: BatchEncoder,
  sync: boolean,
): Promise<OpenSegment> {
  const path = join(directory, segment.name);
  const temporary = path + UNFINISHED;
  if (await fileSystem.exists(temporary)) await fileSystem.remove(temporary);
  const start = new Uint8Array(MARK_BYTES);
  putMark(start, 0, chain);
  const encoded = encoder.encode([head], chain, sync ? 'after' : 'none');
  const unnamed = await fileSystem.open(temporary, 'create');
  try {
    await unnamed.write([start, ...encoded.chunks], 0);
    if (sync) await unnamed.datasync();
  } finally {
    await unnamed.close();
  }
  await fileSystem.rename(temporary, path);
  if (sync) await fileSystem.syncDirectory(directory);
  const file = await fileSystem.open(path, 'write');
  const offset = MARK_BYTES + encoded.bytes;
  return { segment, file, offset, chain: encoded.chain, durable: sync ? offset : 0, reserved: offset, marked: sync };
}
