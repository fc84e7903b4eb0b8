import { crc32c, type File } from '@kontiki/std';
import { CRC_TYPE, FrameHead, type WalRecord } from './frame.js';

/** How much of a file is in memory at a time, unless one record is larger. */
export const WINDOW_BYTES: number = 256 * 1024;

export interface ReadOptions {
  /** Bytes from here on are not read. Absent: the size of the file. */
  readonly limit?: number;
  /** The chain at the end of the file before; absent: unknown, the file's first record is believed. */
  readonly chain?: number | undefined;
  /** False: only check, hand out nothing. */
  readonly collect: boolean;
  /** @see WalOptions.check */
  readonly check?: ((record: WalRecord) => string | undefined) | undefined;
}

/** Where and why reading stopped. Everything before `offset` is whole and in the chain. */
export interface SegmentEnd {
  /** Where the next record would start. */
  readonly offset: number;
  /** The chain at `offset`. */
  readonly chain: number;
  /** Records read, the log's own not counted. */
  readonly records: number;
  /** Where the last mark starts, the file's first record not counted; undefined: there is none. */
  readonly lastMark: number | undefined;
  /** `zero`: a zero length field, or nothing more; `damage`: something else that is no record. */
  readonly kind: 'zero' | 'damage';
  /** What is wrong, for people. Empty when `zero`. */
  readonly reason: string;
  /** The data matches its checksum and something else is wrong: no interrupted write leaves that. */
  readonly certain: boolean;
}

/**
 * Every record of one file, in arrays of what fits into the window, each record with bytes of its own; returns where
 * it ended and why. Judges nothing: what the end means depends on whether this is the last file.
 */
export async function* readSegment(
  file: File,
  options: ReadOptions,
): AsyncGenerator<readonly WalRecord[], SegmentEnd, undefined> {
  const limit = options.limit ?? (await file.size());
  const head = new FrameHead();
  let window = new Uint8Array(Math.min(WINDOW_BYTES, Math.max(limit, 1)));
  let base = 0; // offset in the file of window[0]
  let filled = 0;
  let at = 0; // where the next frame starts, in the window
  let chain = options.chain;
  let records = 0;
  let lastMark: number | undefined;
  const stop = (kind: 'zero' | 'damage', reason: string, certain = false): SegmentEnd => ({
    offset: base + at,
    chain: chain ?? 0,
    records,
    lastMark,
    kind,
    reason,
    certain,
  });

  for (;;) {
    const batch: WalRecord[] = [];
    let end: SegmentEnd | undefined;
    let needed = 0;
    while (end === undefined && needed === 0) {
      const verdict = head.read(window, at, filled);
      if (verdict === 'short') {
        if (base + filled < limit) needed = filled - at + 1;
        else if (window.subarray(at, filled).every((byte) => byte === 0)) end = stop('zero', '');
        else end = stop('damage', 'the file ends within a record');
      } else if (verdict === 'zero') end = stop('zero', '');
      else if (verdict === 'bad') end = stop('damage', head.reason);
      else if (head.end > filled) {
        if (base + head.end > limit) end = stop('damage', 'the file ends within a record');
        else needed = head.end - at;
      } else {
        const reason = take(batch);
        if (reason !== undefined) end = reason;
      }
    }
    if (batch.length > 0) yield batch;
    if (end !== undefined) return end;

    // What is left moves to the front. The window grows for a record that does not fit, and shrinks back behind it.
    const rest = filled - at;
    const size = Math.max(needed, Math.min(WINDOW_BYTES, limit - base - at));
    const next = size === window.length ? window : new Uint8Array(size);
    next.set(window.subarray(at, filled));
    window = next;
    base += at;
    at = 0;
    filled = rest + (await file.read(window.subarray(rest, Math.min(size, limit - base)), base + rest));
    if (filled === rest) return stop('damage', 'the file became shorter while it was read');
  }

  /** Checks the whole frame at `at` and steps over it; or says why not. */
  function take(batch: WalRecord[]): SegmentEnd | undefined {
    const first = base + at === 0;
    let padded = false;
    for (let i = head.dataEnd; i < head.end; i++) padded ||= window[i] !== 0;
    if (head.type === CRC_TYPE) {
      if (chain !== undefined && head.crc !== chain) {
        return stop('damage', first ? 'it does not follow the file before' : 'a mark does not match the chain');
      }
      if (padded) return stop('damage', PADDED, true);
      chain = head.crc;
      if (!first) lastMark = base + at;
    } else {
      if (first || chain === undefined) return stop('damage', 'a file must start with a checksum record');
      const data = window.subarray(head.dataStart, head.dataEnd);
      const crc = crc32c(data, chain);
      if (crc !== head.crc) return stop('damage', 'the checksum does not match');
      if (padded) return stop('damage', PADDED, true);
      if (options.collect || options.check !== undefined) {
        const record = { type: head.type, data: new Uint8Array(data) };
        const wrong = options.check?.(record);
        if (wrong !== undefined) return stop('damage', wrong, true);
        if (options.collect) batch.push(record);
      }
      chain = crc;
      records++;
    }
    at = head.end;
    return undefined;
  }
}

const PADDED = 'the padding is not zero';
