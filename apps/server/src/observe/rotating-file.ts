import { createReadStream, createWriteStream, fstatSync, renameSync } from 'node:fs';
import { readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { LogRotationOptions } from '../config/options.js';
import { FdTarget, type LogTarget } from './log-target.js';

const BYTES_PER_MEGABYTE = 1024 * 1024;
const DAY_MS = 86_400_000;
const FILE_MODE = 0o600;
const RETRY_MS = 60_000;

/** A file that was put aside. */
interface Backup {
  readonly path: string;
  readonly atMs: number;
  readonly compressed: boolean;
}

/**
 * A log file that is put aside before it outgrows its limit: `kontiki.log` becomes
 * `kontiki-2026-11-24T23-31-01.992.log`, later `….log.gz`, and goes when it is too old or one too many.
 */
export class RotatingFile implements LogTarget {
  readonly #path: string;
  readonly #options: LogRotationOptions;
  readonly #now: () => number;
  readonly #onTrouble: (error: unknown) => void;
  #file: FdTarget;
  #bytes: number;
  #lastBackupMs = Number.NEGATIVE_INFINITY;
  /** After a rotation that failed. */
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  /** Compressing and removing what was put aside; one after another. */
  #tidying: Promise<void> = Promise.resolve();

  /**
   * @param onTrouble hears of a rotation that failed, of backups that could not be compressed or removed
   * @throws what `fs.openSync` throws
   */
  constructor(
    path: string,
    options: LogRotationOptions,
    onTrouble: (error: unknown) => void,
    now: () => number = Date.now,
  ) {
    this.#path = path;
    this.#options = options;
    this.#onTrouble = onTrouble;
    this.#now = now;
    this.#file = FdTarget.file(path, FILE_MODE);
    this.#bytes = fstatSync(this.#file.fd).size;
  }

  async append(chunk: Uint8Array): Promise<void> {
    if (this.#isFull(chunk) && this.#now() >= this.#notBeforeMs) {
      await this.#rotate().catch((error: unknown) => {
        // A log too long is better than none: go on in the same file, try again later.
        this.#notBeforeMs = this.#now() + RETRY_MS;
        this.#onTrouble(error);
      });
    }
    this.#bytes += chunk.length;
    await this.#file.append(chunk);
  }

  appendSync(chunk: Uint8Array): void {
    // No rotation on the way out: a file a little too long is better than a line too few.
    this.#file.appendSync(chunk);
  }

  async close(): Promise<void> {
    await this.#file.close();
    await this.#tidying;
  }

  #isFull(chunk: Uint8Array): boolean {
    return this.#bytes > 0 && this.#bytes + chunk.length > this.#options.maxMegabytes * BYTES_PER_MEGABYTE;
  }

  async #rotate(): Promise<void> {
    // Names rise even where the clock does not: the newest backup must not look like the oldest.
    let atMs = Math.max(this.#now(), this.#lastBackupMs + 1);
    const taken = new Set(await readdir(dirname(this.#path)));
    while (taken.has(basename(this.#backupPath(atMs))) || taken.has(`${basename(this.#backupPath(atMs))}.gz`)) atMs++;
    const backup = this.#backupPath(atMs);
    const full = this.#file;
    // Both in one go: the file of this name is never missing while others look.
    renameSync(this.#path, backup);
    try {
      this.#file = FdTarget.file(this.#path, FILE_MODE);
    } catch (error) {
      renameSync(backup, this.#path);
      throw error;
    }
    this.#lastBackupMs = atMs;
    this.#bytes = 0;
    await full.close();
    this.#tidying = this.#tidying.then(() => this.#tidy().catch(this.#onTrouble));
  }

  async #tidy(): Promise<void> {
    const { maxBackups, maxAgeDays, compress } = this.#options;
    const oldestMs = maxAgeDays === 0 ? Number.NEGATIVE_INFINITY : this.#now() - maxAgeDays * DAY_MS;
    for (const [place, backup] of (await this.#backups()).entries()) {
      if ((maxBackups > 0 && place >= maxBackups) || backup.atMs < oldestMs) await rm(backup.path, { force: true });
      else if (compress && !backup.compressed) await gzip(backup.path);
    }
  }

  /** The newest first. */
  async #backups(): Promise<readonly Backup[]> {
    const directory = dirname(this.#path);
    const backups: Backup[] = [];
    for (const name of await readdir(directory)) {
      const compressed = name.endsWith('.gz');
      const atMs = this.#timeOf(compressed ? name.slice(0, -'.gz'.length) : name);
      if (atMs !== undefined) backups.push({ path: join(directory, name), atMs, compressed });
    }
    return backups.sort((a, b) => b.atMs - a.atMs);
  }

  get #stem(): string {
    return `${basename(this.#path, extname(this.#path))}-`;
  }

  #backupPath(atMs: number): string {
    const shiftedMs = this.#options.localTime ? atMs - new Date(atMs).getTimezoneOffset() * 60_000 : atMs;
    const time = new Date(shiftedMs).toISOString().slice(0, -1).replaceAll(':', '-');
    return join(dirname(this.#path), `${this.#stem}${time}${extname(this.#path)}`);
  }

  /** When a file of this name was put aside; undefined: it is none of ours. */
  #timeOf(name: string): number | undefined {
    const extension = extname(this.#path);
    if (!name.startsWith(this.#stem) || !name.endsWith(extension)) return undefined;
    const time = name.slice(this.#stem.length, name.length - extension.length);
    const match = /^(\d{4}-\d\d-\d\dT\d\d)-(\d\d)-(\d\d\.\d{3})$/.exec(time);
    if (match === null) return undefined;
    const atMs = Date.parse(`${match[1]}:${match[2]}:${match[3]}${this.#options.localTime ? '' : 'Z'}`);
    return Number.isNaN(atMs) ? undefined : atMs;
  }
}

/** Under another name until it is whole: a process that ends meanwhile leaves no half archive behind. */
async function gzip(path: string): Promise<void> {
  const unfinished = `${path}.gz.tmp`;
  await pipeline(createReadStream(path), createGzip(), createWriteStream(unfinished, { mode: FILE_MODE }));
  await rename(unfinished, `${path}.gz`);
  await rm(path);
}
