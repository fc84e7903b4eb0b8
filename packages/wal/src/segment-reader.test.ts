import { concat } from '@kontiki/std';
import { describe, expect, it } from 'vitest';
import { record, text } from '../test/support.js';
import { BatchEncoder } from './batch.js';
import { MARK_BYTES, putMark, type WalRecord } from './frame.js';
import { type ReadOptions, readSegment, type SegmentEnd, WINDOW_BYTES } from './segment-reader.js';
import { MemoryFileSystem } from './testing/index.js';

function segment(chain: number, ...batches: (readonly WalRecord[])[]): Uint8Array {
  const start = new Uint8Array(MARK_BYTES);
  putMark(start, 0, chain);
  const parts = [start];
  let crc = chain;
  for (const records of batches) {
    const encoded = new BatchEncoder().encode([records], crc, 'before');
    parts.push(...encoded.chunks.map((chunk) => chunk.slice()));
    crc = encoded.chain;
  }
  return concat(parts);
}

interface Reading {
  readonly records: WalRecord[];
  readonly end: SegmentEnd;
  readonly reads: readonly number[];
  readonly arrays: number;
}

async function read(bytes: Uint8Array, options: Partial<ReadOptions> = {}): Promise<Reading> {
  const disk = new MemoryFileSystem();
  disk.alter('/s', () => bytes);
  const file = await disk.open('/s', 'read');
  const reads: number[] = [];
  const reading = readSegment(
    {
      ...file,
      path: file.path,
      size: () => file.size(),
      read: (buffer, position) => {
        reads.push(buffer.length);
        return file.read(buffer, position);
      },
    },
    { collect: true, ...options },
  );
  const records: WalRecord[] = [];
  for (let arrays = 0; ; arrays++) {
    const step = await reading.next();
    if (step.done === true) return { records, end: step.value, reads, arrays };
    records.push(...step.value);
  }
}

describe('reading a segment', () => {
  it('answers every record and where the last one ends, zeros behind it or not', async () => {
    const bytes = segment(5, [record(1, 'a'), record(2, 'bb')], [record(3, '')]);
    for (const padded of [bytes, concat([bytes, new Uint8Array(100)]), concat([bytes, new Uint8Array(3)])]) {
      const { records, end } = await read(padded);
      expect(records.map(text)).toEqual(['1:a', '2:bb', '3:']);
      expect(end).toMatchObject({ kind: 'zero', offset: bytes.length, records: 3, lastMark: bytes.length - 16 - 24 });
    }
  });

  it('needs one window of memory, however long the file is', async () => {
    const many = Array.from({ length: 9000 }, (_, i) => record(2, new Uint8Array(100).fill(i)));
    const bytes = segment(0, many);
    expect(bytes.length).toBeGreaterThan(4 * WINDOW_BYTES);
    const { records, reads, arrays } = await read(bytes);
    expect(records.map(text).join()).toBe(many.map(text).join());
    expect(Math.max(...reads)).toBeLessThanOrEqual(WINDOW_BYTES);
    expect(arrays).toBeGreaterThan(4);
  });

  it('grows the window for a record that does not fit, and shrinks it again', async () => {
    const small = (i: number): WalRecord => record(2, `small ${i}`);
    const large = record(2, new Uint8Array(3 * WINDOW_BYTES + 11).fill(7));
    const all = [small(1), large, small(2), large, ...Array.from({ length: 20_000 }, (_, i) => small(i))];
    const { records, end, reads } = await read(segment(0, all));
    expect(Math.max(...reads)).toBeGreaterThan(WINDOW_BYTES);
    expect(reads.at(-1)).toBeLessThanOrEqual(WINDOW_BYTES);
    expect(records.length).toBe(all.length);
    expect(records.map(({ data }) => data.length)).toEqual(all.map(({ data }) => data.length));
    expect(end.kind).toBe('zero');
  });

  it('hands out bytes that nothing else refers to', async () => {
    const { records } = await read(segment(0, [record(2, 'one'), record(2, 'two')]));
    for (const { data } of records) expect(data.buffer.byteLength).toBe(3);
  });

  it('reads records at every distance from the end of the window', async () => {
    for (let shift = 0; shift < 64; shift += 8) {
      const filler = record(2, new Uint8Array(WINDOW_BYTES - 100 + shift));
      const { records, end } = await read(segment(0, [filler, record(3, 'after'), record(3, 'and after')]));
      expect(records.slice(1).map(text)).toEqual(['3:after', '3:and after']);
      expect(end.kind).toBe('zero');
    }
  });

  it('stops at its limit', async () => {
    const bytes = segment(0, [record(1, 'a')], [record(2, 'b')]);
    const { records, end } = await read(bytes, { limit: bytes.length - 16 - 24 });
    expect(records.map(text)).toEqual(['1:a']);
    expect(end.kind).toBe('zero');
  });

  it('wants the chain of the file before, when it is known', async () => {
    const bytes = segment(5, [record(1, 'a')]);
    expect((await read(bytes, { chain: 5 })).end.kind).toBe('zero');
    expect((await read(bytes, { chain: 6 })).end).toMatchObject({ kind: 'damage', offset: 0, reason: /follow/ });
  });

  it('tells the owner about each record once, and stops where the owner says no', async () => {
    const seen: string[] = [];
    const { records, end } = await read(segment(0, [record(1, 'a'), record(2, 'b'), record(3, 'c')]), {
      check: (one) => {
        seen.push(text(one));
        return one.type === 2 ? 'no twos' : undefined;
      },
    });
    expect(seen).toEqual(['1:a', '2:b']);
    expect(records.map(text)).toEqual(['1:a']);
    expect(end).toMatchObject({ kind: 'damage', reason: 'no twos', certain: true });
  });

  it('wants a checksum record first', async () => {
    const bytes = segment(0, [record(1, 'a')]).subarray(2 * MARK_BYTES);
    expect((await read(bytes)).end).toMatchObject({ kind: 'damage', offset: 0 });
  });
});
