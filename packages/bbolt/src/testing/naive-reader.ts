import { latin1, type NaiveBucket } from './naive-model.js';

/**
 * Reads a whole file that is in order: by the format's description, without a single check, and not by the code it is the
 * twin of. Also says which page every branch, leaf and freelist is.
 */
export function readNaively(file: Uint8Array): { root: NaiveBucket; pages: NaivePage[]; free: number[] } {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const u64 = (at: number): number => Number(view.getBigUint64(at, true));
  const text = (at: number, length: number): string => latin1(file.subarray(at, at + length));
  const pageSize = view.getUint32(24, true);
  const meta = u64(64) >= u64(pageSize + 64) ? 0 : pageSize;
  const pages: NaivePage[] = [];

  const bucket = (rootPage: number): NaiveBucket => {
    const found = { records: new Map<string, string>(), buckets: new Map<string, NaiveBucket>() };
    page(rootPage * pageSize, found, 1);
    return found;
  };
  const page = (at: number, into: Mutable, depth: number): void => {
    const flags = view.getUint16(at + 8, true);
    const count = view.getUint16(at + 10, true);
    const overflow = view.getUint32(at + 12, true);
    pages.push({ at, kind: flags === 1 ? 'branch' : 'leaf', count, overflow, depth });
    for (let i = 0, element = at + 16; i < count; i++, element += 16) {
      if (flags === 1) {
        page(u64(element + 8) * pageSize, into, depth + 1);
        continue;
      }
      const keyAt = element + view.getUint32(element + 4, true);
      const valueAt = keyAt + view.getUint32(element + 8, true);
      const key = text(keyAt, valueAt - keyAt);
      if (view.getUint32(element, true) === 0) {
        into.records.set(key, text(valueAt, view.getUint32(element + 12, true)));
      } else if (u64(valueAt) !== 0) {
        into.buckets.set(key, bucket(u64(valueAt)));
      } else {
        const inside = { records: new Map<string, string>(), buckets: new Map<string, NaiveBucket>() };
        page(valueAt + 16, inside, 1);
        into.buckets.set(key, inside);
      }
    }
  };

  const root = bucket(u64(meta + 32));
  const freelist = u64(meta + 48) * pageSize;
  const free: number[] = [];
  if (freelist < file.length) {
    pages.push({ at: freelist, kind: 'freelist', count: 0, overflow: view.getUint32(freelist + 12, true), depth: 0 });
    const short = view.getUint16(freelist + 10, true);
    const [count, first] = short === 0xffff ? [u64(freelist + 16), freelist + 24] : [short, freelist + 16];
    for (let i = 0; i < count; i++) free.push(u64(first + i * 8));
  }
  return { root, pages, free };
}

/** A page, or the page in the value of a bucket, by its offset in the file. */
export interface NaivePage {
  readonly at: number;
  readonly kind: 'branch' | 'leaf' | 'freelist';
  readonly count: number;
  readonly overflow: number;
  /** Of branches and leaves: 1 for the root of a bucket. */
  readonly depth: number;
}

interface Mutable {
  readonly records: Map<string, string>;
  readonly buckets: Map<string, NaiveBucket>;
}
