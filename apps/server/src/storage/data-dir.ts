import type { DirectoryLock, FileSystem } from '@kontiki/std';

/** Where a member keeps what must survive: the folders of one data directory. */
export interface DataDir {
  readonly root: string;
  /** The raft log. */
  readonly wal: string;
  /** Databases, and snapshots on their way. */
  readonly snap: string;
  release(): Promise<void>;
}

/** A data directory that cannot be used as it is. The message names the place and the remedy. */
export class DataDirError extends Error {
  override readonly name = 'DataDirError';
}

/**
 * Takes the data directory for this process: creates what is missing, refuses what another process holds or what is
 * not ours. Laid out as etcd lays out its own: `member/wal`, `member/snap`, with the database in `member/snap/db`.
 *
 * @param walDirectory a folder of its own for the log, or undefined
 * @throws {@link DataDirError}; DirectoryLockedError when another process has the directory
 */
export async function openDataDir(
  fileSystem: FileSystem,
  root: string,
  walDirectory: string | undefined,
): Promise<DataDir> {
  const member = `${root}/member`;
  const snap = `${member}/snap`;
  const db = `${snap}/db`;
  await fileSystem.makeDirectory(snap);
  const lock: DirectoryLock = await fileSystem.lock(root);
  try {
    if (await isFile(fileSystem, db)) {
      throw new DataDirError(
        `${db} is a database file of etcd, which Kontiki does not open in place: start with an empty --data-dir`,
      );
    }
    return { root, wal: walDirectory ?? `${member}/wal`, snap, release: () => lock.release() };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function isFile(fileSystem: FileSystem, path: string): Promise<boolean> {
  if (!(await fileSystem.exists(path))) return false;
  try {
    await fileSystem.list(path);
    return false;
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOTDIR') return true;
    throw error;
  }
}
