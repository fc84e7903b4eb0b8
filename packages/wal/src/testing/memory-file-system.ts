import { type DirectoryLock, DirectoryLockedError, type File, type FileSystem, type Random } from '@kontiki/std';
import { MemoryFile, type Tear } from './memory-file.js';
import { MemoryDirectory, MemoryTree, systemError } from './memory-tree.js';

/** One call of the file system, told to the hook before it happens. */
export interface Operation {
  readonly kind: keyof FileSystem | 'size' | 'read' | 'write' | 'truncate' | 'datasync' | 'close';
  readonly path: string;
  /** Counts all operations of this file system, from 1. */
  readonly number: number;
}

/**
 * Called before every operation; it may wait. A throw is what the operation throws:
 * a refused write has written the first half of its bytes, a refused datasync has lost what it should have kept (and
 * the next one will not write it either), anything else refused has done nothing.
 */
export type Hook = (operation: Operation) => void | Promise<void>;

/**
 * A disk in memory that keeps the promises of the FileSystem port and no other. `powerCut` answers what a machine
 * would find after the power came back: unsynced contents and names lost, kept or torn, as the seed has it.
 * Same operations, same seed: same outcome.
 */
export class MemoryFileSystem implements FileSystem {
  /** Set it to watch, delay or refuse operations. */
  before: Hook = () => {};
  /** How many bytes all files may have together; a write beyond fails with ENOSPC and has written what fitted. */
  capacityBytes: number = Number.POSITIVE_INFINITY;
  #tree: MemoryTree = new MemoryTree();
  #off = false;
  #operations = 0;
  readonly #locked = new Set<string>();

  /**
   * The same disk after a power cut. This one is off from now on: every operation, also one under way, throws EIO.
   */
  powerCut(random: Random, tear: Tear = 'any'): MemoryFileSystem {
    return this.#next(this.#tree.afterPowerCut(random, tear));
  }

  /** The same disk after its process was killed: the machine lives, what was written is seen, but not yet durable. */
  restart(): MemoryFileSystem {
    return this.#next(this.#tree);
  }

  /** What is in a file now, for tests to look at. */
  contents(path: string): Uint8Array {
    return this.#file(path, 'contents').contents();
  }

  /** Changes a file behind everybody's back: rot, or a test that prepares one. Makes it when there is none. */
  alter(path: string, change: (bytes: Uint8Array) => Uint8Array): void {
    if (this.#tree.find(path) === undefined) {
      this.#tree.makeDirectories(path.slice(0, path.lastIndexOf('/')));
      this.#tree.add(path, new MemoryFile(), 'alter');
      this.#tree.syncAll();
    }
    this.#file(path, 'alter').alter(change);
  }

  /** Paths of all files, sorted. */
  paths(): readonly string[] {
    return [...this.#tree.files()].map(([path]) => path);
  }

  async open(path: string, mode: 'read' | 'write' | 'create'): Promise<File> {
    await this.#begin('open', path);
    if (mode === 'create') {
      if (this.#tree.find(path) !== undefined) throw systemError('EEXIST', 'open', path);
      this.#tree.add(path, new MemoryFile(), 'open');
    }
    return this.#handle(path, this.#file(path, 'open'), mode !== 'read');
  }

  async list(directory: string): Promise<readonly string[]> {
    await this.#begin('list', directory);
    return [...this.#tree.directory(directory, 'list').names.keys()].sort();
  }

  async makeDirectory(directory: string): Promise<void> {
    await this.#begin('makeDirectory', directory);
    this.#tree.makeDirectories(directory);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#begin('rename', from);
    this.#tree.rename(from, to);
  }

  async remove(path: string): Promise<void> {
    await this.#begin('remove', path);
    this.#tree.remove(path);
  }

  async exists(path: string): Promise<boolean> {
    await this.#begin('exists', path);
    return this.#tree.find(path) !== undefined;
  }

  async syncDirectory(directory: string): Promise<void> {
    await this.#begin('syncDirectory', directory);
    this.#tree.sync(this.#tree.directory(directory, 'syncDirectory'));
  }

  async lock(directory: string): Promise<DirectoryLock> {
    await this.#begin('lock', directory);
    this.#tree.directory(directory, 'lock');
    if (this.#locked.has(directory)) throw new DirectoryLockedError(directory, 'this process');
    this.#locked.add(directory);
    return {
      release: async () => {
        this.#locked.delete(directory);
      },
    };
  }

  async #begin(kind: Operation['kind'], path: string): Promise<void> {
    this.#requirePower(kind, path);
    const waits = this.before({ kind, path, number: ++this.#operations });
    if (waits !== undefined) await waits;
    // The hook may have cut the power.
    this.#requirePower(kind, path);
  }

  #requirePower(kind: string, path: string): void {
    if (this.#off) throw systemError('EIO', `${kind} on a machine that is off`, path);
  }

  #next(tree: MemoryTree): MemoryFileSystem {
    const next = new MemoryFileSystem();
    next.#tree = tree;
    next.capacityBytes = this.capacityBytes;
    this.#off = true;
    return next;
  }

  #file(path: string, operation: string): MemoryFile {
    const node = this.#tree.find(path);
    if (node === undefined) throw systemError('ENOENT', operation, path);
    if (node instanceof MemoryDirectory) throw systemError('EISDIR', operation, path);
    return node;
  }

  /** How many of `wanted` bytes a file may still grow by. */
  #room(wanted: number): number {
    if (this.capacityBytes === Number.POSITIVE_INFINITY) return wanted;
    let used = 0;
    for (const [, file] of this.#tree.files()) used += file.size;
    return Math.max(0, Math.min(wanted, this.capacityBytes - used));
  }

  #handle(path: string, file: MemoryFile, writable: boolean): File {
    let open = true;
    const begin = async (kind: Operation['kind'], writes: boolean): Promise<void> => {
      if (!open || (writes && !writable)) throw systemError('EBADF', kind, path);
      await this.#begin(kind, path);
    };
    return {
      path,
      size: async () => {
        await begin('size', false);
        return file.size;
      },
      read: async (buffer, position) => {
        await begin('read', false);
        return file.read(buffer, position);
      },
      write: async (chunks, position) => {
        const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
        try {
          await begin('write', true);
        } catch (error) {
          if (open && writable && !this.#off) put(file, chunks, position, length >> 1);
          throw error;
        }
        const growth = Math.max(0, position + length - file.size);
        const missing = growth - this.#room(growth);
        put(file, chunks, position, Math.max(0, length - missing));
        if (missing > 0) throw systemError('ENOSPC', 'write', path);
      },
      truncate: async (length) => {
        await begin('truncate', true);
        file.truncate(length);
      },
      datasync: async () => {
        try {
          await begin('datasync', true);
        } catch (error) {
          if (!this.#off) file.forget();
          throw error;
        }
        file.datasync();
      },
      close: async () => {
        if (!open) throw systemError('EBADF', 'close', path);
        open = false;
        await this.#begin('close', path);
      },
    };
  }
}

/** The first `count` bytes of the chunks. */
function put(file: MemoryFile, chunks: readonly Uint8Array[], position: number, count: number): void {
  let at = 0;
  for (const chunk of chunks) {
    const bytes = chunk.subarray(0, count - at);
    if (bytes.length > 0) file.write(bytes, position + at);
    at += bytes.length;
  }
}
