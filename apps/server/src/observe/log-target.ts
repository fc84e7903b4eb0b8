import { closeSync, openSync, write, writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Something bytes can be appended to. */
export interface LogTarget {
  /** Rejects when the place takes no more; part of the chunk may have been written. One call at a time. */
  append(chunk: Uint8Array): Promise<void>;
  /** The same, at once, for a process about to end. */
  appendSync(chunk: Uint8Array): void;
  close(): Promise<void>;
}

const FULL_PIPE_WAIT_MS = 20;
const FULL_PIPE_TRIES = 50;

/** An open file, pipe or terminal. Written off the main thread, so a reader that stalls stalls nobody else. */
export class FdTarget implements LogTarget {
  readonly #fd: number;
  readonly #owned: boolean;

  private constructor(fd: number, owned: boolean) {
    this.#fd = fd;
    this.#owned = owned;
  }

  static standard(name: 'stdout' | 'stderr'): FdTarget {
    return new FdTarget(name === 'stdout' ? 1 : 2, false);
  }

  /** @throws what `fs.openSync` throws */
  static file(path: string, mode: number): FdTarget {
    return new FdTarget(openSync(path, 'a', mode), true);
  }

  get fd(): number {
    return this.#fd;
  }

  async append(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length; ) {
      try {
        at += await writeSome(this.#fd, chunk, at);
      } catch (error) {
        // A pipe set to non-blocking by whoever shares it: full for now.
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
        await delay(FULL_PIPE_WAIT_MS, undefined, { ref: false });
      }
    }
  }

  appendSync(chunk: Uint8Array): void {
    for (let at = 0, tries = 0; at < chunk.length; ) {
      try {
        at += writeSync(this.#fd, chunk, at);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || ++tries > FULL_PIPE_TRIES) throw error;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL_PIPE_WAIT_MS);
      }
    }
  }

  async close(): Promise<void> {
    if (this.#owned) closeSync(this.#fd);
  }
}

function writeSome(fd: number, chunk: Uint8Array, at: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, chunk, at, chunk.length - at, null, (error, written) =>
      error === null ? resolve(written) : reject(error),
    );
  });
}
