const BLOCK_BYTES = 16 * 1024;
const NO_BLOCK: Buffer = Buffer.alloc(0);

/** Blocks of memory to write into, used again once what was written is with the operating system. */
export class BlockPool {
  readonly #free: Buffer[] = [];
  readonly #maxFree: number;

  constructor(maxFree = 1024) {
    this.#maxFree = maxFree;
  }

  take(minBytes: number): Buffer {
    if (minBytes > BLOCK_BYTES) return Buffer.allocUnsafeSlow(minBytes);
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
  }

  /** Nobody may look at it any more. */
  give(block: Buffer): void {
    if (block.length === BLOCK_BYTES && this.#free.length < this.#maxFree) this.#free.push(block);
  }
}

/** What one turn of the event loop has to write. */
export interface Batch {
  readonly chunks: readonly Uint8Array[];
  /** To be given back once the chunks are written. */
  readonly blocks: readonly Buffer[];
  readonly bytes: number;
}

/**
 * The bytes a connection has to write, in order: small ones side by side in blocks, large ones as they are.
 *
 * To write directly: `const at = output.reserve(n)`, fill `output.block` from `at` on, then `output.at = end`.
 */
export class Output {
  block: Buffer = NO_BLOCK;
  at = 0;
  readonly #pool: BlockPool;
  #start = 0;
  #chunks: Uint8Array[] = [];
  #blocks: Buffer[] = [];
  /** Of `#chunks`. */
  #bytes = 0;

  constructor(pool: BlockPool) {
    this.#pool = pool;
  }

  get bytes(): number {
    return this.#bytes + this.at - this.#start;
  }

  /** Makes room for `bytes` in one piece. @returns where in `block` it begins */
  reserve(bytes: number): number {
    if (this.block.length - this.at < bytes) {
      this.#cut();
      this.block = this.#pool.take(bytes);
      this.#blocks.push(this.block);
      this.#start = this.at = 0;
    }
    return this.at;
  }

  /** Adds bytes without copying them. */
  pass(bytes: Uint8Array): void {
    this.#cut();
    this.#chunks.push(bytes);
    this.#bytes += bytes.length;
  }

  /** All there is; from now on it is the caller's. */
  take(): Batch {
    this.#cut();
    const batch = { chunks: this.#chunks, blocks: this.#blocks, bytes: this.#bytes };
    this.#chunks = [];
    this.#blocks = [];
    this.#bytes = 0;
    this.block = NO_BLOCK;
    this.#start = this.at = 0;
    return batch;
  }

  #cut(): void {
    if (this.at === this.#start) return;
    this.#chunks.push(this.block.subarray(this.#start, this.at));
    this.#bytes += this.at - this.#start;
    this.#start = this.at;
  }
}
