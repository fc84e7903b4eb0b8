import { BatchEncoder } from './batch.js';
import { join, syncPath } from './directory.js';
import { corrupt } from './errors.js';
import { MARK_BYTES } from './frame.js';
import type { WalOptions } from './options.js';
import { copy, cutTail, type Repair } from './repair.js';
import type { OpenSegment } from './segment-file.js';
import type { Segment } from './segment-name.js';
import { readSegment, type SegmentEnd } from './segment-reader.js';
import { judgeTail } from './tail.js';

export interface Recovered {
  readonly current: OpenSegment;
  /** Where the records that were there end; a mark may have been added behind them. */
  readonly end: number;
  readonly repaired?: Repair;
}

/**
 * Makes the last segment ready for more: finds its end, cuts off what an interrupted write left, and makes sure that
 * what is found now, contents and names, is on the disk.
 *
 * @throws WalError `WAL_CORRUPT`, `WAL_NO_SPACE`
 */
export async function recoverSegment(options: WalOptions, segment: Segment): Promise<Recovered> {
  const { fileSystem, directory, sync = true } = options;
  const path = join(directory, segment.name);
  const file = await fileSystem.open(path, 'write');
  try {
    const end = await drain(readSegment(file, { collect: false }));
    const { offset, chain, lastMark } = end;
    if (end.certain) throw corrupt(path, offset, end.reason);
    const tail = await judgeTail(file, offset, chain, lastMark !== undefined, end.reason);
    if (tail.kind === 'damaged') throw corrupt(path, offset, tail.reason);
    // A segment gets its name only once its head is on the disk: no interrupted write explains a missing one.
    if (offset === 0) throw corrupt(path, 0, 'it has no head');
    let repaired: Repair | undefined;
    if (tail.kind === 'torn') {
      if (end.records === 0 && lastMark === undefined) throw corrupt(path, offset, 'its head is incomplete');
      repaired = await cutTail(fileSystem, directory, segment.name, file, offset, tail.contentEnd, sync);
    }
    const current: OpenSegment = {
      segment,
      file,
      offset,
      chain,
      durable: 0,
      reserved: Math.max(offset, await file.size()),
      marked: lastMark !== undefined && lastMark + MARK_BYTES === offset,
    };
    if (sync) {
      await settle(current, lastMark);
      await fileSystem.syncDirectory(directory);
      await syncPath(fileSystem, directory);
    }
    return { current, end: offset, ...(repaired !== undefined && { repaired }) };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * Writes again what no mark vouches for. It can be read, but that may be the page cache: a kernel that failed to write
 * pages calls them clean afterwards, and a datasync alone would then succeed without writing anything.
 */
async function settle(current: OpenSegment, lastMark: number | undefined): Promise<void> {
  const { file } = current;
  await copy(file, lastMark ?? 0, current.offset, file, lastMark ?? 0);
  await file.datasync();
  current.durable = current.offset;
  if (lastMark !== undefined) return;
  // Written by someone else. From here on marks count, so there must be one before whatever may get torn.
  const { chunks, bytes } = new BatchEncoder().encode([], current.chain, 'after');
  await file.write(chunks, current.offset);
  await file.datasync();
  current.offset += bytes;
  current.durable = current.offset;
  current.reserved = Math.max(current.reserved, current.offset);
  current.marked = true;
}

async function drain(reading: AsyncGenerator<unknown, SegmentEnd>): Promise<SegmentEnd> {
  for (;;) {
    const step = await reading.next();
    if (step.done === true) return step.value;
  }
}
