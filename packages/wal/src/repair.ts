import type { File, FileSystem } from '@kontiki/std';
import { join } from './directory.js';
import { WINDOW_BYTES } from './segment-reader.js';

/** What was cut off the end of a log, and where it is kept. */
export interface Repair {
  /** Path of the file that was cut. */
  readonly segment: string;
  /** Where it ends now. */
  readonly offset: number;
  /** Path of the file with the bytes that were cut off. */
  readonly keptAs: string;
}

/**
 * Cuts a torn tail off, after the bytes of it are safe in a file of their own, beside the segment. The cut itself is
 * durable only with the next datasync of `file`.
 *
 * @param contentEnd  bytes from here on are zero and not worth keeping
 */
export async function cutTail(
  fileSystem: FileSystem,
  directory: string,
  name: string,
  file: File,
  offset: number,
  contentEnd: number,
  sync: boolean,
): Promise<Repair> {
  const keptAs = await freeName(fileSystem, join(directory, `${name}.broken`));
  const kept = await fileSystem.open(keptAs, 'create');
  try {
    await copy(file, offset, contentEnd, kept, 0);
    if (sync) await kept.datasync();
  } finally {
    await kept.close();
  }
  if (sync) await fileSystem.syncDirectory(directory);
  await file.truncate(offset);
  return { segment: join(directory, name), offset, keptAs };
}

/** Copies `[from, to)` through one bounded buffer; source and target may be the same file. */
export async function copy(source: File, from: number, to: number, target: File, at: number): Promise<void> {
  const buffer = new Uint8Array(Math.min(WINDOW_BYTES, to - from));
  for (let done = 0; from + done < to; ) {
    const read = await source.read(buffer.subarray(0, Math.min(buffer.length, to - from - done)), from + done);
    if (read === 0) break;
    await target.write([buffer.subarray(0, read)], at + done);
    done += read;
  }
}

async function freeName(fileSystem: FileSystem, wanted: string): Promise<string> {
  let name = wanted;
  for (let i = 1; await fileSystem.exists(name); i++) name = `${wanted}.${i}`;
  return name;
}
