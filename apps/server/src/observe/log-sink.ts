import type { LogTarget } from './log-target.js';

/** Bytes of one write: enough to be cheap, little enough for files to be rotated at the right size. */
const CHUNK_BYTES = 64 * 1024;

/** What one write carries; `lines` are lost if it fails, those it only reports as lost included. */
interface Batch {
  readonly chunk: Uint8Array;
  readonly lines: number;
}

/**
 * Lines on their way to one target, in order. Saying something never waits and never throws: when the target is slower
 * than the talk, or takes nothing at all (a full disk, a closed pipe), lines are counted as lost, and the first line that
 * gets through again is preceded by one that says how many.
 *
 * Invariant: `queuedBytes ≤ maxQueuedBytes`.
 */
export class LogSink {
  readonly #target: LogTarget;
  readonly #lostLine: (count: number) => string;
  readonly #maxQueuedBytes: number;
  readonly #queue: string[] = [];
  #queuedBytes = 0;
  #lost = 0;
  /** The target ends in the middle of a line. */
  #torn = false;
  #pump: Promise<void> | undefined;
  #closed = false;

  /** @param lostLine what to say about so many lines that were lost, newline included */
  constructor(target: LogTarget, lostLine: (count: number) => string, maxQueuedBytes: number = 4 * 1024 * 1024) {
    this.#target = target;
    this.#lostLine = lostLine;
    this.#maxQueuedBytes = maxQueuedBytes;
  }

  /** Lines lost that no line has told of yet. */
  get lost(): number {
    return this.#lost;
  }

  /** @param line with its newline */
  write(line: string): void {
    if (this.#closed) return;
    const bytes = Buffer.byteLength(line);
    if (this.#queuedBytes + bytes > this.#maxQueuedBytes) {
      this.#lost++;
      return;
    }
    this.#queue.push(line);
    this.#queuedBytes += bytes;
    this.#pump ??= this.#run();
  }

  /** Writes what waits at once, for a process about to end. */
  flushSync(): void {
    while (this.#queue.length > 0) {
      const batch = this.#take();
      try {
        this.#target.appendSync(batch.chunk);
      } catch {
        this.#failed(batch);
      }
    }
  }

  /** Resolves when everything said is written or lost, and the target is closed. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#pump;
    // The last try: nobody is left to tell that it failed.
    if (this.#lost > 0) await this.#target.append(this.#take().chunk).catch(() => {});
    await this.#target.close();
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#take();
      try {
        await this.#target.append(batch.chunk);
      } catch {
        this.#failed(batch);
      }
    }
    this.#pump = undefined;
  }

  #take(): Batch {
    const { lost, torn } = { lost: this.#lost, torn: this.#torn };
    this.#lost = 0;
    this.#torn = false;
    let text = `${torn ? '\n' : ''}${lost > 0 ? this.#lostLine(lost) : ''}`;
    let lines = 0;
    while (lines < this.#queue.length && (lines === 0 || text.length < CHUNK_BYTES)) text += this.#queue[lines++]!;
    for (const line of this.#queue.splice(0, lines)) this.#queuedBytes -= Buffer.byteLength(line);
    return { chunk: Buffer.from(text), lines: lost + lines };
  }

  #failed(batch: Batch): void {
    this.#lost += batch.lines;
    this.#torn = true;
  }
}
