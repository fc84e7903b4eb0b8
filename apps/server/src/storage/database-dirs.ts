import type { FileSystem } from '@kontiki/std';

/**
 * The databases of a member, side by side in one folder: `db`, with which it began, and `db-<index>` for the state as of
 * a snapshot that its leader sent. One is in use; another is there only while it is being made, or until it is removed.
 *
 * Which one counts is decided by the log: a snapshot's database is complete before the log has its mark, and the one
 * before it is removed after.
 */
export interface DatabaseDir {
  readonly path: string;
  /** Entries up to here are in it from its beginning. */
  readonly index: number;
}

const FIRST = 'db';
const LATER = /^db-([0-9a-f]{16})$/;
const UNFINISHED = '.tmp';

export function databaseDirOf(directory: string, index: number): string {
  return `${directory}/${FIRST}-${index.toString(16).padStart(16, '0')}`;
}

/** Where a database is made before it gets its name. */
export function unfinishedOf(path: string): string {
  return `${path}${UNFINISHED}`;
}

/** Complete databases, in the order of their indexes. `db` may yet have to be made. */
export async function listDatabases(fileSystem: FileSystem, directory: string): Promise<readonly DatabaseDir[]> {
  const later = (await fileSystem.list(directory)).flatMap((name): DatabaseDir[] => {
    const index = LATER.exec(name)?.[1];
    return index === undefined ? [] : [{ path: `${directory}/${name}`, index: Number.parseInt(index, 16) }];
  });
  return [{ path: `${directory}/${FIRST}`, index: 0 }, ...later.sort((a, b) => a.index - b.index)];
}

/**
 * The databases that may go with a log whose last snapshot mark is `markIndex`: those that are not ahead of it. The one
 * that has applied most is the member's; the others are left from before, or were sent and not needed.
 * @returns them, and what is to be removed: unfinished ones, and those the log never heard of
 */
export async function databasesUpTo(
  fileSystem: FileSystem,
  directory: string,
  markIndex: number,
): Promise<{ readonly candidates: readonly string[]; readonly unfinished: readonly string[] }> {
  const databases = await listDatabases(fileSystem, directory);
  const present: DatabaseDir[] = [];
  for (const database of databases) if (await fileSystem.exists(database.path)) present.push(database);
  const candidates = present.filter(({ index }) => index <= markIndex);
  // A new member has none yet.
  const fresh = present.length === 0 ? databases : candidates;
  const making = (await fileSystem.list(directory)).filter(
    (name) => name.startsWith(FIRST) && name.endsWith(UNFINISHED),
  );
  return {
    candidates: fresh.map(({ path }) => path),
    unfinished: [
      ...present.filter(({ index }) => index > markIndex).map(({ path }) => path),
      ...making.map((name) => `${directory}/${name}`),
    ],
  };
}
