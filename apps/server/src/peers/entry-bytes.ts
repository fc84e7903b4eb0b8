/**
 * Entries as raftpb.Entry bytes, written by hand: they are nearly all that members say to each other, and go straight
 * into the frame. Type, term and index are always there, data when there is any.
 */
import type { Entry, EntryKind } from '@kontiki/raft';

/** By their number on the wire. */
export const ENTRY_KINDS: readonly EntryKind[] = ['normal', 'change', 'changeV2'];

const TYPE_TAG = 0x08;
const TERM_TAG = 0x10;
const INDEX_TAG = 0x18;
const DATA_TAG = 0x22;

/** How many bytes {@link writeEntry} writes. */
export function entrySize({ term, index, data }: Entry): number {
  const dataBytes = data.length === 0 ? 0 : 1 + varintSize(data.length) + data.length;
  return 2 + 1 + varintSize(term) + 1 + varintSize(index) + dataBytes;
}

/** @returns where the entry ends */
export function writeEntry(target: Uint8Array, start: number, { kind, term, index, data }: Entry): number {
  let at = start;
  target[at++] = TYPE_TAG;
  target[at++] = ENTRY_KINDS.indexOf(kind);
  target[at++] = TERM_TAG;
  at = writeVarint(target, at, term);
  target[at++] = INDEX_TAG;
  at = writeVarint(target, at, index);
  if (data.length === 0) return at;
  target[at++] = DATA_TAG;
  at = writeVarint(target, at, data.length);
  target.set(data, at);
  return at + data.length;
}

/** @param value a safe integer, not negative */
function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++;
  return size;
}

function writeVarint(target: Uint8Array, start: number, value: number): number {
  let at = start;
  let rest = value;
  while (rest >= 0x80) {
    target[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  target[at++] = rest;
  return at;
}
