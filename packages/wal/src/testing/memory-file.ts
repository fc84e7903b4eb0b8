import type { Random } from '@kontiki/std';

const SECTOR_BYTES = 512;

/**
 * What a power cut does to what was written since the last datasync of a file.
 *
 * - `lost`: nothing of it is there.
 * - `kept`: all of it is there.
 * - `bytes`: the first writes are there, one of them up to some byte, later ones not.
 * - `sectors`: each 512-byte sector has stopped at some moment of its own; so has the size of the file.
 * - `any`: one of these, drawn for each file.
 */
export type Tear = 'lost' | 'kept' | 'bytes' | 'sectors' | 'any';

type Change =
  | { readonly kind: 'write'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly length: number };

/** Bytes that grow. Beyond `size` everything is zero. */
class Image {
  bytes: Uint8Array = new Uint8Array(0);
  size = 0;

  apply(change: Change): void {
    if (change.kind === 'write') {
      this.#reserve(change.at + change.bytes.length);
      this.bytes.set(change.bytes, change.at);
      this.size = Math.max(this.size, change.at + change.bytes.length);
    } else {
      if (change.length < this.size) this.bytes.fill(0, change.length, this.size);
      this.#reserve(change.length);
      this.size = change.length;
    }
  }

  copy(): Image {
    const copy = new Image();
    copy.bytes = this.bytes.slice(0, this.size);
    copy.size = this.size;
    return copy;
  }

  #reserve(length: number): void {
    if (length <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(length, this.bytes.length * 2, 4096));
    grown.set(this.bytes.subarray(0, this.size));
    this.bytes = grown;
  }
}

/** The contents of one file, as processes see them and as the disk has them. */
export class MemoryFile {
  #seen = new Image();
  #durable = new Image();
  #pending: Change[] = [];

  get size(): number {
    return this.#seen.size;
  }

  read(buffer: Uint8Array, position: number): number {
    const bytes = this.#seen.bytes.subarray(
      Math.min(position, this.size),
      Math.min(position + buffer.length, this.size),
    );
    buffer.set(bytes);
    return bytes.length;
  }

  write(bytes: Uint8Array, at: number): void {
    this.#change({ kind: 'write', at, bytes: new Uint8Array(bytes) });
  }

  truncate(length: number): void {
    this.#change({ kind: 'truncate', length });
  }

  datasync(): void {
    for (const change of this.#pending) this.#durable.apply(change);
    this.#pending = [];
  }

  /** A datasync that failed: the kernel calls the pages clean, so no later one will write them either. */
  forget(): void {
    this.#pending = [];
  }

  contents(): Uint8Array {
    return this.#seen.bytes.slice(0, this.size);
  }

  /** Changes what is there, seen and durable, as rot or a debugger would. */
  alter(change: (bytes: Uint8Array) => Uint8Array): void {
    for (const image of [this.#seen, this.#durable]) {
      image.bytes = change(image.bytes.slice(0, image.size));
      image.size = image.bytes.length;
    }
  }

  /** A copy as found after a power cut. */
  afterPowerCut(random: Random, tear: Tear): MemoryFile {
    const after = new MemoryFile();
    after.#seen = this.#torn(random, tear === 'any' ? TEARS[random.int(TEARS.length)]! : tear);
    after.#durable = after.#seen.copy();
    return after;
  }

  #change(change: Change): void {
    this.#seen.apply(change);
    this.#pending.push(change);
  }

  #torn(random: Random, tear: Exclude<Tear, 'any'>): Image {
    const image = this.#durable.copy();
    const pending = this.#pending;
    if (tear === 'lost' || pending.length === 0) return image;
    if (tear === 'sectors') return this.#tornSectors(random);
    const whole = tear === 'kept' ? pending.length : random.int(pending.length);
    for (const change of pending.slice(0, whole)) image.apply(change);
    const next = pending[whole];
    if (next?.kind === 'write') {
      const bytes = next.bytes.subarray(0, random.int(next.bytes.length + 1));
      if (bytes.length > 0) image.apply({ ...next, bytes });
    }
    return image;
  }

  #tornSectors(random: Random): Image {
    const image = this.#durable.copy();
    const versions = this.#pending.length + 1;
    const ends = this.#pending.map((change) =>
      change.kind === 'write' ? change.at + change.bytes.length : change.length,
    );
    const sectors = Math.ceil(ends.reduce((a, b) => Math.max(a, b), image.size) / SECTOR_BYTES);
    const torn = new Uint8Array(sectors * SECTOR_BYTES);
    const stopped = Array.from({ length: sectors }, () => random.int(versions));
    const sizeStopped = random.int(versions);
    let size = image.size;
    for (let version = 0; version < versions; version++) {
      const change = this.#pending[version - 1];
      if (change !== undefined) image.apply(change);
      if (version === sizeStopped) size = image.size;
      for (const [sector, at] of stopped.entries()) {
        if (at !== version) continue;
        const from = sector * SECTOR_BYTES;
        torn.fill(0, from, from + SECTOR_BYTES);
        torn.set(image.bytes.subarray(from, Math.min(from + SECTOR_BYTES, image.size)), from);
      }
    }
    const after = new Image();
    after.bytes = torn.slice(0, size);
    after.size = size;
    return after;
  }
}

const TEARS = ['lost', 'kept', 'bytes', 'sectors'] as const;
