import type { FileSystem } from '@kontiki/std';
import { corruptDirectory, WalError } from './errors.js';
import { parseSegment, type Segment, UNFINISHED } from './segment-name.js';

/** What lies in the folder of a log. */
export interface Listing {
  /** By sequence. */
  readonly segments: readonly Segment[];
  /** Begun and never finished; nothing of them counts. */
  readonly unfinished: readonly string[];
}

/** @throws WalError `WAL_MISSING` when there is no folder or no segment in it */
export async function listSegments(fileSystem: FileSystem, directory: string): Promise<Listing> {
  const names = (await fileSystem.exists(directory)) ? await fileSystem.list(directory) : [];
  const segments = names.map(parseSegment).filter((segment) => segment !== undefined);
  if (segments.length === 0) throw new WalError('WAL_MISSING', `there is no log in ${directory}`);
  return {
    segments: segments.sort((a, b) => a.sequence - b.sequence),
    unfinished: names.filter((name) => name.endsWith(UNFINISHED)),
  };
}

/** @throws WalError `WAL_CORRUPT` unless each sequence is the one before plus one */
export function requireConsecutive(directory: string, segments: readonly Segment[]): void {
  for (const [i, segment] of segments.entries()) {
    const before = segments[i - 1];
    if (before === undefined || segment.sequence === before.sequence + 1) continue;
    const reason =
      segment.sequence === before.sequence
        ? `${before.name} and ${segment.name} claim the same place`
        : `files are missing between ${before.name} and ${segment.name}`;
    throw corruptDirectory(directory, reason);
  }
}

export function join(directory: string, name: string): string {
  return directory.endsWith('/') ? directory + name : `${directory}/${name}`;
}

export function parentOf(path: string): string {
  const trimmed = path.replace(/\/+$/, '');
  const slash = trimmed.lastIndexOf('/');
  return slash > 0 ? trimmed.slice(0, slash) : slash === 0 || trimmed === '' ? '/' : '.';
}

/**
 * Makes the names on the way to a folder durable, its own and those above it: an earlier process may have made any of
 * them and been killed before it synced them, so that they exist, but only until the power goes.
 */
export async function syncPath(fileSystem: FileSystem, directory: string): Promise<void> {
  await fileSystem.syncDirectory(parentOf(directory));
  for (let path = parentOf(directory); parentOf(path) !== path; path = parentOf(path)) {
    try {
      await fileSystem.syncDirectory(parentOf(path));
    } catch (error) {
      // A folder further up that we may pass but not read is none that we, or a process like us, could have changed.
      if ((error as { code?: unknown }).code !== 'EACCES') throw error;
    }
  }
}
