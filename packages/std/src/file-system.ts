/**
 * Files, as a port: what a write-ahead log needs of a disk, no more. Paths are absolute or relative to the process,
 * with `/` between parts.
 *
 * What survives a power cut: file contents up to the last `datasync` of that file; names (created, renamed, removed)
 * up to the last `syncDirectory` of their folder. Everything else may be lost, kept, or torn at any byte.
 */
export interface FileSystem {
  /**
   * - `read`: an existing file, for reading.
   * - `write`: an existing file, for reading and writing.
   * - `create`: a file that must not exist yet, for reading and writing, readable by its owner only (0600).
   * @throws an Error whose `code` is `ENOENT`, `EEXIST`, `EACCES`, `ENOSPC`, ... as Node's are
   */
  open(path: string, mode: 'read' | 'write' | 'create'): Promise<File>;
  /** Names in a folder, sorted. */
  list(directory: string): Promise<readonly string[]>;
  /** Creates the folder and its parents, owner only (0700); not an error when it exists. */
  makeDirectory(directory: string): Promise<void>;
  /** Atomic; replaces `to`. */
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  exists(path: string): Promise<boolean>;
  /** Makes created, renamed and removed names of this folder durable. */
  syncDirectory(directory: string): Promise<void>;
  /**
   * Takes the folder for this process until `release` or the process ends, however it ends. May keep names that begin
   * with `LOCK.` in the folder, also afterwards.
   * @throws {@link DirectoryLockedError} when another living process has it
   */
  lock(directory: string): Promise<DirectoryLock>;
}

export interface File {
  readonly path: string;
  size(): Promise<number>;
  /** Fills `buffer` from `position`; returns how many bytes there were, fewer only at the end of the file. */
  read(buffer: Uint8Array, position: number): Promise<number>;
  /** Writes all chunks one after another from `position`, or throws; a throw may leave any part of them written. */
  write(chunks: readonly Uint8Array[], position: number): Promise<void>;
  /** Cuts, or extends with zeros. */
  truncate(length: number): Promise<void>;
  /** Contents and size are on the disk when this resolves. After a failure nothing is known about them. */
  datasync(): Promise<void>;
  close(): Promise<void>;
}

export interface DirectoryLock {
  release(): Promise<void>;
}

export class DirectoryLockedError extends Error {
  override readonly name = 'DirectoryLockedError';
  constructor(
    readonly directory: string,
    readonly holder: string,
  ) {
    super(`${directory} is in use by ${holder}`);
  }
}
