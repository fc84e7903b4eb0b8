import type { Random } from '@kontiki/std';

/**
 * What a power cut makes of the writes of one file that were not synced: all gone, all there, the first few and a part
 * of the next, or each sector at a moment of its own.
 */
export type Tear = 'lost' | 'kept' | 'prefix' | 'sectors';

export const TEARS: readonly Tear[] = ['lost', 'kept', 'prefix', 'sectors'];

/** A disk writes this many bytes whole or not at all. */
const SECTOR_BYTES = 512;

type Change =
  | { readonly kind: 'write'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly length: number };

class Image {
  #bytes: Uint8Array;
  #size: number;

  constructor(bytes: Uint8Array = new Uint8Array(0)) {
    this.#bytes = bytes;
    this.#size = bytes.length;
  }

  get size(): number {
    return this.#size;
  }

  view(from: number, to: number): Uint8Array {
    return this.#bytes.subarray(Math.min(from, this.#size), Math.min(to, this.#size));
  }

  copy(): Image {
    return new Image(this.#bytes.slice(0, this.#size));
  }

  change(change: Change): void {
    if (change.kind === 'write') {
      const end = change.at + change.bytes.length;
      this.#reserve(end);
      this.#bytes.set(change.bytes, change.at);
      this.#size = Math.max(this.#size, end);
    } else {
      this.#reserve(change.length);
      if (change.length < this.#size) this.#bytes.fill(0, change.length, this.#size);
      this.#size = change.length;
    }
  }

  /** Invariant: what is reserved behind the end is zero. */
  #reserve(length: number): void {
    if (length <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(length, this.#bytes.length * 2, 256));
    grown.set(this.view(0, this.#size));
    this.#bytes = grown;
  }
}

/**
 * The contents of a file twice: as processes see it, and as the platter has it.
 *
 * Invariant: the platter and the changes under way, in order, give what is seen; unless a sync failed.
 */
export class FileContents {
  #seen: Image;
  #platter: Image;
  #changes: Change[] = [];
  /** How many changes came before those. */
  #durable = 0;

  constructor(bytes?: Uint8Array) {
    this.#seen = new Image(bytes);
    this.#platter = new Image(bytes?.slice());
  }

  get size(): number {
    return this.#seen.size;
  }

  /** Counts all changes ever: what a sync that begins now is about to make durable. */
  get changed(): number {
    return this.#durable + this.#changes.length;
  }

  /** A copy of what is seen. */
  bytes(): Uint8Array {
    return this.#seen.view(0, this.size).slice();
  }

  read(buffer: Uint8Array, position: number): number {
    const bytes = this.#seen.view(position, position + buffer.length);
    buffer.set(bytes);
    return bytes.length;
  }

  write(bytes: Uint8Array, at: number): void {
    this.#change({ kind: 'write', at, bytes: bytes.slice() });
  }

  truncate(length: number): void {
    this.#change({ kind: 'truncate', length });
  }

  /** All changes up to one, as counted by `changed`, reach the platter. */
  sync(upTo: number): void {
    if (upTo <= this.#durable) return;
    for (const change of this.#changes.splice(0, upTo - this.#durable)) this.#platter.change(change);
    this.#durable = upTo;
  }

  /** A sync failed: the kernel calls the pages clean, and no later sync writes them either. */
  forget(): void {
    this.#durable = this.changed;
    this.#changes = [];
  }

  /** Flips one bit where it is seen and where it is kept; bit 0 is the lowest of the first byte. */
  flip(bit: number): void {
    for (const image of [this.#seen, this.#platter]) {
      const byte = image.view(bit >> 3, (bit >> 3) + 1);
      if (byte.length > 0) byte[0]! ^= 1 << (bit & 7);
    }
  }

  /** What is found when the power is back. */
  afterPowerCut(random: Random, tear: Tear): FileContents {
    if (this.#changes.length === 0 || tear === 'lost') return this.#found(this.#platter.copy());
    if (tear === 'kept') return this.#found(this.#upTo(this.#changes.length));
    if (tear === 'sectors') return this.#found(this.#tornSectors(random));
    const whole = random.int(this.#changes.length);
    const image = this.#upTo(whole);
    const next = this.#changes[whole]!;
    if (next.kind === 'write') {
      const bytes = next.bytes.subarray(0, random.int(next.bytes.length + 1));
      if (bytes.length > 0) image.change({ ...next, bytes });
    }
    return this.#found(image);
  }

  #change(change: Change): void {
    this.#seen.change(change);
    this.#changes.push(change);
  }

  #found(image: Image): FileContents {
    return new FileContents(image.view(0, image.size).slice());
  }

  #upTo(count: number): Image {
    const image = this.#platter.copy();
    for (const change of this.#changes.slice(0, count)) image.change(change);
    return image;
  }

  /** Each sector as some moment between the last sync and now left it, and the size as of another. */
  #tornSectors(random: Random): Image {
    const moments = Array.from({ length: this.#changes.length + 1 }, (_, count) => this.#upTo(count));
    const { size } = moments[random.int(moments.length)]!;
    const torn = new Uint8Array(size);
    for (let from = 0; from < size; from += SECTOR_BYTES) {
      torn.set(moments[random.int(moments.length)]!.view(from, Math.min(from + SECTOR_BYTES, size)), from);
    }
    return new Image(torn);
  }
}
