/**
 * A torn tail or damage? Asked where the last file stops being readable.
 *
 * A power cut in the middle of a write leaves *absent* bytes: sectors that kept their zeros, or a file that ends early.
 * Rot leaves *wrong* bytes. So the record at `start` is torn when all three hold, and damaged otherwise:
 *
 * 1. Some byte it needs is absent: past the end of the file, in a 512-byte sector that is all zeros (the one that holds
 *    `start` counts from there on), or in the run of zeros that ends the file. Padding is zero anyway: it only has to fit.
 * 2. The bytes that are present contradict nothing: the head reads as a head as far as it goes, and no single flipped
 *    bit among them would make the checksum right.
 * 3. Nothing after it proves that it had been safe. A mark is such a proof: it is written only when everything before
 *    it is on the disk. In a file without marks (etcd's own) any later record that matches the one before it counts.
 *
 * Where this cannot tell, it says damaged: refusing to start loses time, cutting off an acknowledged record loses data.
 */
import type { File } from '@kontiki/std';
import { oneFlipExplains } from './flip.js';
import { CRC_TYPE, FrameHead, HEAD_BYTES_MAX } from './frame.js';
import { Window } from './window.js';

const SECTOR_BYTES = 512;
/** Up to here one record is searched for a flipped bit. Far above it, chance alone would find one too often. */
const FLIP_SEARCH_BYTES = 64 * 1024;

export type Tail =
  /** Only zeros follow: the log ends here. */
  | { readonly kind: 'clean' }
  /** An interrupted write. `contentEnd`: behind the last byte of it that is not zero. */
  | { readonly kind: 'torn'; readonly contentEnd: number }
  | { readonly kind: 'damaged'; readonly reason: string };

/**
 * @param start   where no whole record starts; the file is readable up to here
 * @param chain   the chain at `start`
 * @param marked  whether a mark was seen before `start`
 * @param reason  what the reader found wrong
 */
export async function judgeTail(
  file: File,
  start: number,
  chain: number,
  marked: boolean,
  reason: string,
): Promise<Tail> {
  const size = await file.size();
  const window = new Window(file);
  const contentEnd = await window.contentEnd(start, size);
  if (contentEnd === start) return { kind: 'clean' };

  const present = new Present(window, start, contentEnd);
  const head = new FrameHead();
  const presentEnd = await present.runFrom(start, start + HEAD_BYTES_MAX);
  const bytes = (await window.bytes(start, HEAD_BYTES_MAX)).slice(0, HEAD_BYTES_MAX);
  const verdict = head.read(bytes, 0, presentEnd - start);
  if (verdict === 'bad') return { kind: 'damaged', reason: head.reason };
  if (verdict === 'zero') return { kind: 'damaged', reason: 'a record has no length, and bytes follow' };

  let searchFrom = start + 8;
  if (verdict === 'whole') {
    const dataEnd = start + head.dataEnd;
    if (start + head.end <= size && (await present.runFrom(start, dataEnd)) === dataEnd) {
      return { kind: 'damaged', reason: reason || 'the record is whole, but wrong' };
    }
    const length = head.dataEnd - head.dataStart;
    if (head.hasData && dataEnd <= size && length <= FLIP_SEARCH_BYTES) {
      const difference = (await window.crc(start + head.dataStart, dataEnd, chain)) ^ head.crc;
      const flags = await present.flags(start + head.dataStart, dataEnd);
      if (difference !== 0 && oneFlipExplains(difference, length, (index) => flags[index] === 1)) {
        return { kind: 'damaged', reason: 'one bit of the record is flipped' };
      }
    }
    searchFrom = start + head.end;
  }
  const proof = await findProof(window, searchFrom, contentEnd, marked);
  if (proof !== undefined) return { kind: 'damaged', reason: `${reason || 'a record is gone'}, yet ${proof}` };
  return { kind: 'torn', contentEnd };
}

/** Which bytes of the tail are there, by rule 1. */
class Present {
  constructor(
    readonly window: Window,
    readonly start: number,
    readonly contentEnd: number,
  ) {}

  /** The end of the present bytes that start at `from`, at most `to`. */
  async runFrom(from: number, to: number): Promise<number> {
    for (let at = from; at < to; ) {
      const end = this.#pieceEnd(at, to);
      if (!(await this.#isPresent(at))) return at;
      at = end;
    }
    return to;
  }

  /** For each byte of `[from, to)`: 1 when present. */
  async flags(from: number, to: number): Promise<Uint8Array> {
    const flags = new Uint8Array(to - from);
    for (let at = from; at < to; ) {
      const end = this.#pieceEnd(at, to);
      if (await this.#isPresent(at)) flags.fill(1, at - from, end - from);
      at = end;
    }
    return flags;
  }

  /** A piece lies in one sector and on one side of the end of the content. */
  #pieceEnd(at: number, to: number): number {
    const sectorEnd = at - (at % SECTOR_BYTES) + SECTOR_BYTES;
    return Math.min(sectorEnd, to, at < this.contentEnd ? this.contentEnd : to);
  }

  /** A sector is written whole or not at all, so one byte of it that is there speaks for the others. */
  async #isPresent(at: number): Promise<boolean> {
    if (at >= this.contentEnd) return false;
    const from = at - (at % SECTOR_BYTES);
    const tail = Math.max(this.start, from);
    const length = from + SECTOR_BYTES - tail;
    return (await this.window.bytes(tail, length)).subarray(0, length).some((byte) => byte !== 0);
  }
}

/** What in `[from, to)` proves that everything before it was on the disk; undefined: nothing does. */
async function findProof(window: Window, from: number, to: number, marked: boolean): Promise<string | undefined> {
  const head = new FrameHead();
  const isHead = async (at: number): Promise<boolean> => {
    const bytes = (await window.bytes(at, HEAD_BYTES_MAX)).subarray(0, HEAD_BYTES_MAX);
    return head.read(bytes, 0, bytes.length) === 'whole';
  };
  for (let at = Math.ceil(from / 8) * 8; at < to; at += 8) {
    if (!(await isHead(at))) continue;
    if (head.type === CRC_TYPE) return `a mark at offset ${at} says it was safe`;
    const { crc } = head;
    const next = at + head.end;
    if (marked || next >= to || !(await isHead(next)) || next + head.dataEnd > to) continue;
    const nextCrc = await window.crc(next + head.dataStart, next + head.dataEnd, crc);
    if (nextCrc === head.crc) return `the records from offset ${next} on are whole`;
  }
  return undefined;
}
