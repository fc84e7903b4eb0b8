import { Slabs } from './slabs.js';

/** What an entry takes beside its bytes, about: the view, and its place in a map. */
const OVERHEAD = 160;

/** Sub revisions from here on are not cached: that request was a bulk load. */
const SUBS = 1024;

/** Above this a revision and its sub no longer fit into one exact number. */
const MAX_MAIN = Number.MAX_SAFE_INTEGER / SUBS - 1;

/** Entries used since the last change of generations. First changes of a revision under its number, others in `subs`. */
class Generation {
  readonly firsts = new Map<number, Uint8Array>();
  readonly subs = new Map<number, Uint8Array>();
  bytes = 0;

  get(main: number, sub: number): Uint8Array | undefined {
    return sub === 0 ? this.firsts.get(main) : this.subs.get(main * SUBS + sub);
  }

  set(main: number, sub: number, bytes: Uint8Array): void {
    if (sub === 0) this.firsts.set(main, bytes);
    else this.subs.set(main * SUBS + sub, bytes);
    this.bytes += bytes.length + OVERHEAD;
  }
}

/**
 * Stored bytes by revision, at most about `maxBytes` of them: what was written or read lately.
 *
 * Two generations: entries go into the young one; when that has half the bytes, it becomes the old one and the old one
 * is dropped as a whole. An entry of the old one that is asked for is copied over, so that dropping a generation frees
 * its memory blocks.
 */
export class ValueCache {
  readonly #maxBytes: number;
  readonly #slabs = new Slabs();
  #young = new Generation();
  #old = new Generation();

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes it holds, overhead included. */
  get bytes(): number {
    return this.#young.bytes + this.#old.bytes;
  }

  /** Memory for bytes that will be {@link set}. */
  readonly allocate = (length: number): Uint8Array => this.#slabs.allocate(length);

  get(main: number, sub: number): Uint8Array | undefined {
    const found = this.#young.get(main, sub);
    if (found !== undefined) return found;
    const old = this.#old.get(main, sub);
    return old && this.copyIn(main, sub, old);
  }

  /** `bytes` must be from {@link allocate}, and never change again. */
  set(main: number, sub: number, bytes: Uint8Array): void {
    const cost = bytes.length + OVERHEAD;
    if (sub >= SUBS || main > MAX_MAIN || cost > this.#maxBytes / 8) return;
    if (this.#young.bytes + cost > this.#maxBytes / 2) {
      this.#old = this.#young;
      this.#young = new Generation();
    }
    this.#young.set(main, sub, bytes);
  }

  /** Keeps a copy of the bytes, and answers it. */
  copyIn(main: number, sub: number, bytes: Uint8Array): Uint8Array {
    const piece = this.allocate(bytes.length);
    piece.set(bytes);
    this.set(main, sub, piece);
    return piece;
  }
}
