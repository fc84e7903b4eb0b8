import { closeSync, openSync, writeSync } from 'node:fs';

/**
 * A file whose content is replaced in place, by content of the same length, about once a millisecond. h2load reads its
 * body file anew for every request, so the requests change while it runs; one that reads in the middle of a
 * replacement gets a mixture of both.
 */
export class ChangingFile {
  readonly path: string;
  readonly #next: () => Uint8Array;
  readonly #descriptor: number;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #bytes: number;
  #changes = 0;

  /**
   * @param next makes a content
   * @param varies false: written once
   */
  constructor(path: string, next: () => Uint8Array, varies: boolean) {
    this.path = path;
    this.#next = next;
    this.#descriptor = openSync(path, 'w');
    const first = next();
    this.#bytes = first.length;
    writeSync(this.#descriptor, first, 0, first.length, 0);
    if (varies) this.#timer = setInterval(() => this.#change(), 1);
  }

  /** How often the content was replaced. */
  get changes(): number {
    return this.#changes;
  }

  close(): void {
    clearInterval(this.#timer);
    closeSync(this.#descriptor);
  }

  #change(): void {
    const content = this.#next();
    if (content.length !== this.#bytes) throw new Error('the content changed its length');
    writeSync(this.#descriptor, content, 0, content.length, 0);
    this.#changes++;
  }
}
