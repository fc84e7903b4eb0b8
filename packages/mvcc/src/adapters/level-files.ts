import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** The files of a LevelDB database, as far as the database itself does not look after them. */
export class LevelFiles {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Bytes of all files. */
  async size(): Promise<number> {
    let bytes = 0;
    for (const name of await readdir(this.#directory)) {
      bytes += (await unlessGone(() => stat(join(this.#directory, name))))?.size ?? 0;
    }
    return bytes;
  }

  /**
   * Makes everything logged so far durable. LevelDB's own sync covers the log it is writing to, but not the one before,
   * whose records are not yet in a table file for a moment after a change of logs.
   */
  async syncLogs(): Promise<void> {
    for (const name of await readdir(this.#directory)) {
      if (!name.endsWith('.log')) continue;
      const file = await unlessGone(() => open(join(this.#directory, name), 'r+'));
      try {
        await file?.datasync();
      } finally {
        await file?.close();
      }
    }
  }
}

/** A log is removed when its records are safe in a table file. */
async function unlessGone<T>(use: () => Promise<T>): Promise<T | undefined> {
  try {
    return await use();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
