import type { Random } from '@kontiki/std';
import { bytesOf, type NaiveBucket } from './naive-model.js';

export interface NaiveShape {
  readonly pageSize: number;
  /** How the freelist is written; `long` has its count in front of the ids, however few they are. */
  readonly freelist: 'synced' | 'long' | 'unsynced';
  /** Free pages among those in use. */
  readonly freePages: number;
  /** Elements of a leaf or branch, at most; 2 or more. */
  readonly fanOut: number;
}

/** A page not yet in its place. */
interface Piece {
  id: number;
  readonly flags: number;
  readonly elements: readonly Element[];
}

interface Element {
  readonly key: string;
  /** A record, a page below, a bucket with pages, a bucket inside. */
  readonly value: string | { readonly child: Piece } | { readonly root: Piece } | { readonly inside: Piece };
}

/**
 * A file as it looks after years of use: pages anywhere, free ones between them, nested buckets, any form of freelist.
 * Everything is in memory and built twice, so that nothing here is clever. What a database may look like is decided by `random`.
 */
export function writeNaively(root: NaiveBucket, shape: NaiveShape, random: Random): Uint8Array {
  const { pageSize } = shape;
  const pieces: Piece[] = [];
  const top = bucketPages(root, shape, random, pieces);
  // Places are drawn: every page, the freelist and each free page, in any order.
  const freelist: Piece = { id: 0, flags: 0x10, elements: [] };
  const places: (Piece | 'free')[] = [...pieces, ...Array.from({ length: shape.freePages }, () => 'free' as const)];
  if (shape.freelist !== 'unsynced') places.push(freelist);
  for (let i = places.length - 1; i > 0; i--) {
    const j = random.int(i + 1);
    [places[i], places[j]] = [places[j]!, places[i]!];
  }
  let next = 2;
  const free: bigint[] = [];
  for (const place of places) {
    if (place === 'free') {
      free.push(BigInt(next++));
      continue;
    }
    place.id = next;
    next +=
      place === freelist
        ? Math.floor((24 + shape.freePages * 8) / pageSize) + 1
        : Math.ceil(pageBytes(place).length / pageSize);
  }

  const file = new Uint8Array(next * pageSize);
  // What is free was in use once, and does not look like anything.
  for (const id of free) file.fill(1 + random.int(255), Number(id) * pageSize, (Number(id) + 1) * pageSize);
  const place = (piece: Piece, bytes: Uint8Array): void => {
    header(bytes, piece.id, piece.flags, undefined, Math.ceil(bytes.length / pageSize) - 1);
    file.set(bytes, piece.id * pageSize);
  };
  for (const piece of pieces) place(piece, pageBytes(piece));
  if (shape.freelist !== 'unsynced') {
    const long = shape.freelist === 'long' || free.length >= 0xffff;
    const ids = BigUint64Array.from(long ? [BigInt(free.length), ...free] : free);
    const bytes = new Uint8Array((Math.floor((24 + free.length * 8) / pageSize) + 1) * pageSize);
    bytes.set(new Uint8Array(ids.buffer), 16);
    header(bytes, 0, 0x10, long ? 0xffff : free.length, 0);
    place(freelist, bytes);
  }
  const txid = BigInt(2 + random.int(1000));
  for (const id of [0, 1]) {
    const freelistId = shape.freelist === 'unsynced' ? 0xffff_ffff_ffff_ffffn : BigInt(freelist.id);
    const meta = [BigInt(top.id), 0n, freelistId, BigInt(next), txid - BigInt(id)];
    file.set(metaPage(id, pageSize, meta), id * pageSize);
  }
  return file;
}

/** A meta page's first 80 bytes, its checksum right. @param words  root, sequence, freelist, pages, transaction */
export function metaPage(id: number, pageSize: number, words: readonly bigint[], version = 2): Uint8Array {
  const page = new Uint8Array(80);
  const view = new DataView(page.buffer);
  header(page, id, 4, 0, 0);
  view.setUint32(16, 0xed0cdaed, true);
  view.setUint32(20, version, true);
  view.setUint32(24, pageSize, true);
  for (const [i, word] of words.entries()) view.setBigUint64(32 + i * 8, word, true);
  let hash = 14695981039346656037n;
  for (const byte of page.subarray(16, 72)) hash = ((hash ^ BigInt(byte)) * 1099511628211n) % 2n ** 64n;
  view.setBigUint64(72, hash, true);
  return page;
}

/** Cuts a bucket into pages. @returns its root */
function bucketPages(bucket: NaiveBucket, shape: NaiveShape, random: Random, pieces: Piece[]): Piece {
  const names = [...bucket.records.keys(), ...bucket.buckets.keys()].sort();
  const elements = names.map((key): Element => {
    const nested = bucket.buckets.get(key);
    if (nested === undefined) return { key, value: bucket.records.get(key)! };
    const flat = [...nested.records].map(([name, value]) => ({ key: name, value }));
    const inside = { id: 0, flags: 2, elements: flat.sort((a, b) => (a.key < b.key ? -1 : 1)) };
    if (nested.buckets.size === 0 && flat.length < 4 && random.int(2) === 0) return { key, value: { inside } };
    return { key, value: { root: bucketPages(nested, shape, random, pieces) } };
  });
  let level = cut(elements, 2, shape, random);
  while (level.length > 1) {
    pieces.push(...level);
    const above = level.map((child): Element => ({ key: child.elements[0]!.key, value: { child } }));
    // A branch may have a lower key than what is below it, where that came from was deleted.
    if (above[0]!.key > '\0' && random.int(2) === 0) above[0] = { ...above[0]!, key: '\0' };
    level = cut(above, 1, shape, random);
  }
  pieces.push(level[0]!);
  return level[0]!;
}

/** Pages of 1 (a branch: 2) to `fanOut` elements, one more in the last. */
function cut(elements: readonly Element[], flags: number, { fanOut }: NaiveShape, random: Random): Piece[] {
  const pages: Piece[] = [];
  let rest = elements;
  while (rest.length > 0) {
    let count = flags === 1 ? 2 + random.int(fanOut - 1) : 1 + random.int(fanOut);
    if (flags === 1 && rest.length - count === 1) count++;
    pages.push({ id: 0, flags, elements: rest.slice(0, count) });
    rest = rest.slice(count);
  }
  return pages.length > 0 ? pages : [{ id: 0, flags, elements: [] }];
}

function pageBytes({ flags, elements }: Piece): Uint8Array {
  const heads: Uint8Array[] = [];
  const data: Uint8Array[] = [];
  let dataAt = 16 + elements.length * 16;
  for (const [i, { key, value }] of elements.entries()) {
    const head = new DataView(new ArrayBuffer(16));
    const body = typeof value === 'string' ? bytesOf(value) : valueBytes(value);
    const position = dataAt - 16 - i * 16;
    if (typeof value !== 'string' && 'child' in value) {
      head.setUint32(0, position, true);
      head.setUint32(4, key.length, true);
      head.setBigUint64(8, BigInt(value.child.id), true);
    } else {
      head.setUint32(0, typeof value === 'string' ? 0 : 1, true);
      head.setUint32(4, position, true);
      head.setUint32(8, key.length, true);
      head.setUint32(12, body.length, true);
    }
    heads.push(new Uint8Array(head.buffer));
    data.push(bytesOf(key), body);
    dataAt += key.length + body.length;
  }
  const bytes = new Uint8Array(dataAt);
  header(bytes, 0, flags, elements.length, 0);
  let at = 16;
  for (const part of [...heads, ...data]) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function valueBytes(value: Exclude<Element['value'], string>): Uint8Array {
  if ('child' in value) return new Uint8Array(0);
  const page = 'inside' in value ? pageBytes(value.inside) : new Uint8Array(0);
  const bytes = new Uint8Array(16 + page.length);
  if ('root' in value) new DataView(bytes.buffer).setBigUint64(0, BigInt(value.root.id), true);
  bytes.set(page, 16);
  return bytes;
}

/** @param count  undefined: stays as it is */
function header(bytes: Uint8Array, id: number, flags: number, count: number | undefined, overflow: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setBigUint64(0, BigInt(id), true);
  view.setUint16(8, flags, true);
  if (count !== undefined) view.setUint16(10, count, true);
  view.setUint32(12, overflow, true);
}
