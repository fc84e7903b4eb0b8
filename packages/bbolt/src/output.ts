import type { PageSink } from './ports.js';

const BUFFER_BYTES = 1 << 20;

/**
 * Bytes on their way to a sink, in large pieces: one piece is filled while the one before it is written.
 *
 * Invariant: at most one write at a time; after a failed one every call throws its error.
 */
export class Output {
  readonly #sink: PageSink;
  #filling: Uint8Array = new Uint8Array(BUFFER_BYTES);
  #other: Uint8Array = new Uint8Array(BUFFER_BYTES);
  #filled = 0;
  /** In the file, of what is being filled. */
  #position: number;
  #writing: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;

  constructor(sink: PageSink, position: number) {
    this.#sink = sink;
    this.#position = position;
  }

  /** Takes a copy. @returns something to wait for before the next call, when there is */
  append(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#filled + bytes.length > BUFFER_BYTES) return this.#appendInParts(bytes);
    this.#filling.set(bytes, this.#filled);
    this.#filled += bytes.length;
    return undefined;
  }

  /** Writes everything appended. */
  async flush(): Promise<void> {
    if (this.#filled > 0) await this.#turn();
    await this.#written();
  }

  /** Writes over what was written before; only after `flush`. */
  async patch(bytes: Uint8Array, position: number): Promise<void> {
    await this.#sink.write(bytes, position);
  }

  /** Resolves when nothing is being written any more, however that ended. */
  settled(): Promise<void> {
    return this.#writing;
  }

  async #appendInParts(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      if (this.#filled === BUFFER_BYTES) await this.#turn();
      const part = bytes.subarray(done, done + BUFFER_BYTES - this.#filled);
      this.#filling.set(part, this.#filled);
      this.#filled += part.length;
      done += part.length;
    }
  }

  async #turn(): Promise<void> {
    await this.#written();
    const full = this.#filling.subarray(0, this.#filled);
    // Nobody waits for it until the next turn, and an error must not be nobody's until then.
    this.#writing = this.#sink.write(full, this.#position).catch((error: unknown) => {
      this.#failure = { error };
    });
    this.#position += this.#filled;
    this.#filled = 0;
    [this.#filling, this.#other] = [this.#other, this.#filling];
  }

  async #written(): Promise<void> {
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
