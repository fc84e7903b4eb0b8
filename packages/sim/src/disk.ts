import { type DirectoryLock, DirectoryLockedError, type File, type FileSystem, type Random } from '@kontiki/std';
import { DirectoryTree, systemError } from './directory-tree.js';
import type { FileContents } from './file-contents.js';
import type { Life } from './life.js';
import { duration, type Range } from './random.js';

/** The calls of a file system and of its files. */
export type DiskOperation =
  | 'open'
  | 'list'
  | 'makeDirectory'
  | 'rename'
  | 'remove'
  | 'exists'
  | 'syncDirectory'
  | 'lock'
  | 'size'
  | 'read'
  | 'write'
  | 'truncate'
  | 'datasync'
  | 'close';

/**
 * The disk of one machine. It keeps the promises of the FileSystem port and no other: what was not synced is lost, kept
 * or torn by a power cut, as chance has it.
 *
 * A call happens when it is made; its promise resolves at once, or after a time for what waits for the platter. The
 * calls of a process that has ended never resolve.
 */
export class SimDisk {
  /** How long a `datasync` or `syncDirectory` takes, milliseconds. */
  syncMs: Range = { min: 0.1, max: 0.5 };
  /** How long any other call takes, milliseconds; 0: none at all. */
  operationMs: Range = { min: 0, max: 0 };
  /** Bytes all files may have together; a write beyond them throws ENOSPC and has written what fitted. */
  capacityBytes: number = Number.POSITIVE_INFINITY;
  /** Called before every call; what it throws is what the call throws. */
  before: (operation: DiskOperation, path: string) => void = () => {};

  readonly #random: Random;
  #tree: DirectoryTree = new DirectoryTree();
  /** Who has locked a folder. */
  readonly #locks: Map<string, Life> = new Map();
  #syncFailures = 0;
  #trap: { calls: number; readonly spring: () => void } | undefined;

  constructor(random: Random) {
    this.#random = random;
  }

  /** The next `count` datasyncs fail with EIO. What they should have kept is not kept by later ones either. */
  failSyncs(count: number): void {
    this.#syncFailures = count;
  }

  /** Calls `spring` instead of the `calls`-th call from now (from 1), which never resolves: for ending a process anywhere. */
  trap(calls: number, spring: () => void): void {
    this.#trap = { calls, spring };
  }

  untrap(): void {
    this.#trap = undefined;
  }

  /** Bytes all files have together. */
  get usedBytes(): number {
    let used = 0;
    for (const [, file] of this.#tree.files()) used += file.size;
    return used;
  }

  /** The power goes. Whoever used the disk must have ended. */
  powerCut(): void {
    this.#tree = this.#tree.afterPowerCut(this.#random);
  }

  /** A new disk is put in. */
  wipe(): void {
    this.#tree = new DirectoryTree();
  }

  /** Flips one bit of a file, for good; bit 0 is the lowest of the first byte. */
  rot(path: string, bit: number): void {
    this.#tree.file(path, 'rot').flip(bit);
  }

  /** What is in a file now. */
  contents(path: string): Uint8Array {
    return this.#tree.file(path, 'contents').bytes();
  }

  /** Paths of all files, sorted. */
  paths(): readonly string[] {
    return [...this.#tree.files()].map(([path]) => path);
  }

  /** The disk as a process sees it. */
  mount(life: Life): FileSystem {
    return {
      open: (path, mode) =>
        this.#call(life, 'open', path, () => {
          const file = mode === 'create' ? this.#tree.create(path) : this.#tree.file(path, 'open');
          return this.#handle(life, path, file, mode !== 'read');
        }),
      list: (directory) => this.#call(life, 'list', directory, () => this.#tree.list(directory)),
      makeDirectory: (directory) =>
        this.#call(life, 'makeDirectory', directory, () => this.#tree.makeDirectory(directory)),
      rename: (from, to) => this.#call(life, 'rename', from, () => this.#tree.rename(from, to)),
      remove: (path) => this.#call(life, 'remove', path, () => this.#tree.remove(path)),
      exists: (path) => this.#call(life, 'exists', path, () => this.#tree.exists(path)),
      syncDirectory: (directory) => this.#sync(life, 'syncDirectory', directory, () => this.#tree.sync(directory)),
      lock: (directory) => this.#call(life, 'lock', directory, () => this.#lock(life, directory)),
    };
  }

  #handle(life: Life, path: string, file: FileContents, writable: boolean): File {
    let open = true;
    const admit = (operation: DiskOperation, writes: boolean): void => {
      if (!open || (writes && !writable)) throw systemError('EBADF', operation, path);
    };
    return {
      path,
      size: () =>
        this.#call(life, 'size', path, () => {
          admit('size', false);
          return file.size;
        }),
      read: (buffer, position) =>
        this.#call(life, 'read', path, () => {
          admit('read', false);
          return file.read(buffer, position);
        }),
      write: (chunks, position) =>
        this.#call(life, 'write', path, () => {
          admit('write', true);
          this.#write(path, file, chunks, position);
        }),
      truncate: (length) =>
        this.#call(life, 'truncate', path, () => {
          admit('truncate', true);
          file.truncate(length);
        }),
      datasync: () =>
        this.#sync(life, 'datasync', path, () => {
          admit('datasync', true);
          if (this.#syncFailures > 0) {
            this.#syncFailures--;
            file.forget();
            throw systemError('EIO', 'datasync', path);
          }
          const upTo = file.changed;
          return () => file.sync(upTo);
        }),
      close: () =>
        this.#call(life, 'close', path, () => {
          admit('close', false);
          open = false;
        }),
    };
  }

  /** False: the process has ended, or does now; its call never resolves. */
  #begin(life: Life, operation: DiskOperation, path: string): boolean {
    if (this.#trap !== undefined && life.alive && --this.#trap.calls === 0) {
      const { spring } = this.#trap;
      this.#trap = undefined;
      spring();
    }
    if (!life.alive) return false;
    this.before(operation, path);
    return true;
  }

  #call<T>(life: Life, operation: DiskOperation, path: string, act: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      let finish: () => void;
      try {
        if (!this.#begin(life, operation, path)) return;
        const value = act();
        finish = () => resolve(value);
      } catch (error) {
        finish = () => reject(error);
      }
      if (this.operationMs.max === 0) finish();
      else life.after(duration(this.#random, this.operationMs), finish);
    });
  }

  /** @param start what is to be made durable is decided now, done by what it returns when the platter has turned */
  #sync(life: Life, operation: DiskOperation, path: string, start: () => () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      let finish: () => void;
      try {
        if (!this.#begin(life, operation, path)) return;
        const reach = start();
        finish = () => {
          reach();
          resolve();
        };
      } catch (error) {
        finish = () => reject(error);
      }
      life.after(duration(this.#random, this.syncMs), finish);
    });
  }

  #write(path: string, file: FileContents, chunks: readonly Uint8Array[], position: number): void {
    const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    const growth = Math.max(0, position + length - file.size);
    const fits = length - Math.max(0, growth - this.#room(growth));
    let written = 0;
    for (const chunk of chunks) {
      const bytes = chunk.subarray(0, fits - written);
      if (bytes.length > 0) file.write(bytes, position + written);
      written += bytes.length;
    }
    if (fits < length) throw systemError('ENOSPC', 'write', path);
  }

  #room(wanted: number): number {
    if (this.capacityBytes === Number.POSITIVE_INFINITY) return wanted;
    return Math.max(0, Math.min(wanted, this.capacityBytes - this.usedBytes));
  }

  #lock(life: Life, directory: string): DirectoryLock {
    this.#tree.list(directory);
    if (this.#locks.get(directory)?.alive === true) throw new DirectoryLockedError(directory, 'another process');
    this.#locks.set(directory, life);
    return {
      release: () => {
        if (this.#locks.get(directory) === life) this.#locks.delete(directory);
        return Promise.resolve();
      },
    };
  }
}
