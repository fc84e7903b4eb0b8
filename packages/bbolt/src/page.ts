/**
 * The numbers of a page, little-endian as on amd64 and arm64.
 *
 * ```text
 * page     id u64 | flags u16 | count u16 | overflow u32 | elements | data | zeros
 * branch   data offset u32 | key length u32 | child page u64
 * leaf     flags u32 | data offset u32 | key length u32 | value length u32
 * ```
 *
 * `overflow` counts the pages behind the first that belong to it. Data offsets count from the element's own first byte.
 */
export const HEADER_BYTES = 16;
export const ELEMENT_BYTES = 16;

export const BRANCH_PAGE = 0x01;
export const LEAF_PAGE = 0x02;
export const META_PAGE = 0x04;
export const FREELIST_PAGE = 0x10;

/** In the flags of a leaf element: its value is a bucket. */
export const BUCKET_ELEMENT = 0x01;

/** A bucket as a value: root page u64 | sequence u64; with root page 0 the bucket's only page follows. */
export const BUCKET_BYTES = 16;

export const MIN_PAGE_BYTES = 1024;
export const MAX_PAGE_BYTES: number = 1024 << 14;
export const MAX_KEY_BYTES = 32768;
export const MAX_VALUE_BYTES: number = 2 ** 31 - 2;
/** 0xffff in a freelist means "the number comes first"; no other page may have that many. */
export const MAX_COUNT = 0xfffe;

/** Elements a page holds at least before it is split: bbolt's rule, and its deletes rely on it for branches. */
export const MIN_SPLIT_COUNT = 2;

/** Powers of two only: bbolt looks for its second meta page at those offsets. */
export function isPageSize(bytes: number): boolean {
  return bytes >= MIN_PAGE_BYTES && bytes <= MAX_PAGE_BYTES && Number.isInteger(Math.log2(bytes));
}

export interface Header {
  readonly id: number;
  readonly flags: number;
  readonly count: number;
  readonly overflow: number;
}

export function readHeader(view: DataView, at = 0): Header {
  return {
    id: readU64(view, at),
    flags: view.getUint16(at + 8, true),
    count: view.getUint16(at + 10, true),
    overflow: view.getUint32(at + 12, true),
  };
}

export function writeHeader(view: DataView, { id, flags, count, overflow }: Header): void {
  writeU64(view, 0, id);
  view.setUint16(8, flags, true);
  view.setUint16(10, count, true);
  view.setUint32(12, overflow, true);
}

/**
 * Above 2^53 the nearest number: such a page id or count is beyond any file, and is only compared with what is small.
 */
export function readU64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
}

export function writeU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % 2 ** 32, true);
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** -1, 0 or 1: the bytes [a, aEnd) against [b, bEnd), both of `bytes`, in key order. */
export function compareWithin(bytes: Uint8Array, a: number, aEnd: number, b: number, bEnd: number): -1 | 0 | 1 {
  const shorter = Math.min(aEnd - a, bEnd - b);
  for (let i = 0; i < shorter; i++) {
    const difference = bytes[a + i]! - bytes[b + i]!;
    if (difference !== 0) return difference < 0 ? -1 : 1;
  }
  const difference = aEnd - a - (bEnd - b);
  return difference === 0 ? 0 : difference < 0 ? -1 : 1;
}
