import { HEADER_BYTES, META_PAGE, readHeader, readU64, viewOf, writeHeader, writeU64 } from './page.js';

const MAGIC = 0xed0cdaed;
const VERSION = 2;
/** In front of the checksum, which covers them: magic to transaction id. */
const SUMMED_BYTES = 56;
/** Of a meta page; the rest is zeros. */
export const META_BYTES: number = HEADER_BYTES + SUMMED_BYTES + 8;

/**
 * What a meta page says. There are two, pages 0 and 1, written in turn: when a write is torn the other still stands.
 *
 * ```text
 * magic u32 | version u32 | page size u32 | flags u32 | root page u64 | sequence u64 | freelist u64 | pages u64
 * transaction u64 | checksum u64
 * ```
 */
export interface Meta {
  readonly pageSize: number;
  /** Root page of the bucket that holds the top-level buckets. */
  readonly root: number;
  /** undefined: no freelist was written, every page not in use is free. */
  readonly freelist: number | undefined;
  /** One above the highest page in use. */
  readonly pageCount: number;
  readonly txid: bigint;
}

/** @returns the meta page, or what is wrong with it; `headerDamaged` when all but its page header is right */
export function readMeta(bytes: Uint8Array, id: number): Meta | { readonly problem: string; headerDamaged?: true } {
  if (bytes.length < META_BYTES) return { problem: 'the file ends in it' };
  const view = viewOf(bytes);
  const at = HEADER_BYTES;
  if (view.getUint32(at, true) !== MAGIC) return { problem: 'its magic number is wrong' };
  const sum = checksum(bytes.subarray(at, at + SUMMED_BYTES));
  if (view.getBigUint64(at + SUMMED_BYTES, true) !== sum) return { problem: 'its checksum is wrong' };
  const version = view.getUint32(at + 4, true);
  if (version !== VERSION) return { problem: `it has version ${version}, not ${VERSION}` };
  // The checksum does not cover the header, and no torn write breaks the header alone.
  const header = readHeader(view);
  if (header.id !== id || header.flags !== META_PAGE) {
    return { problem: 'its header is not that of a meta page', headerDamaged: true };
  }
  const unsynced = view.getBigUint64(at + 32, true) === 0xffff_ffff_ffff_ffffn;
  return {
    pageSize: view.getUint32(at + 8, true),
    root: readU64(view, at + 16),
    freelist: unsynced ? undefined : readU64(view, at + 32),
    pageCount: readU64(view, at + 40),
    txid: view.getBigUint64(at + 48, true),
  };
}

/** Fills the front of a page of zeros. */
export function writeMeta(bytes: Uint8Array, id: number, meta: Meta): void {
  const view = viewOf(bytes);
  writeHeader(view, { id, flags: META_PAGE, count: 0, overflow: 0 });
  const at = HEADER_BYTES;
  view.setUint32(at, MAGIC, true);
  view.setUint32(at + 4, VERSION, true);
  view.setUint32(at + 8, meta.pageSize, true);
  writeU64(view, at + 16, meta.root);
  if (meta.freelist === undefined) view.setBigUint64(at + 32, 0xffff_ffff_ffff_ffffn, true);
  else writeU64(view, at + 32, meta.freelist);
  writeU64(view, at + 40, meta.pageCount);
  view.setBigUint64(at + 48, meta.txid, true);
  view.setBigUint64(at + SUMMED_BYTES, checksum(bytes.subarray(at, at + SUMMED_BYTES)), true);
}

/** FNV-1a with 64 bits. */
function checksum(bytes: Uint8Array): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}
