import * as fs from 'node:fs/promises';
import type { File, FileSystem } from '../file-system.js';
import { lockDirectory } from './node-directory-lock.js';

/** The real disk. */
export const nodeFileSystem: FileSystem = {
  async open(path, mode) {
    return new NodeFile(path, await fs.open(path, { read: 'r', write: 'r+', create: 'wx+' }[mode], 0o600));
  },
  async list(directory) {
    return (await fs.readdir(directory)).sort();
  },
  async makeDirectory(directory) {
    await fs.mkdir(directory, { recursive: true, mode: 0o700 });
  },
  rename: (from, to) => fs.rename(from, to),
  remove: (path) => fs.rm(path),
  async exists(path) {
    try {
      await fs.access(path);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
  },
  async syncDirectory(directory) {
    const handle = await fs.open(directory, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  lock: lockDirectory,
};

/** One open file; exported for tests that give it a disk which takes and gives little at a time. */
export class NodeFile implements File {
  readonly #handle: fs.FileHandle;

  constructor(
    readonly path: string,
    handle: fs.FileHandle,
  ) {
    this.#handle = handle;
  }

  async size(): Promise<number> {
    return (await this.#handle.stat()).size;
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    let filled = 0;
    while (filled < buffer.length) {
      const { bytesRead } = await this.#handle.read(buffer, filled, buffer.length - filled, position + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return filled;
  }

  async write(chunks: readonly Uint8Array[], position: number): Promise<void> {
    let at = position;
    let rest = chunks.filter((chunk) => chunk.length > 0);
    while (rest.length > 0) {
      let { bytesWritten } = await this.#handle.writev(rest, at);
      at += bytesWritten;
      let whole = 0;
      while (whole < rest.length && bytesWritten >= rest[whole]!.length) bytesWritten -= rest[whole++]!.length;
      rest = rest.slice(whole);
      if (bytesWritten > 0) rest[0] = rest[0]!.subarray(bytesWritten);
    }
  }

  truncate(length: number): Promise<void> {
    return this.#handle.truncate(length);
  }

  datasync(): Promise<void> {
    return this.#handle.datasync();
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}
