/** The bytes are etcd's: what it wrote we read, and what we write has its form. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Wal, type WalRecord } from '../src/index.js';
import { MemoryFileSystem, zero } from '../src/testing/index.js';
import { decodeSegment } from './naive-decoder.js';
import { collect, DIRECTORY, options, record } from './support.js';

const FIRST = `${DIRECTORY}/0000000000000000-0000000000000000.wal`;
const fixture = new Uint8Array(
  Buffer.from(readFileSync(new URL('./fixtures/etcd-3.5.30.wal.base64', import.meta.url), 'utf8'), 'base64'),
);
const METADATA = 1;
const ENTRY = 2;
const STATE = 3;
const SNAPSHOT = 5;

function etcdDisk(): MemoryFileSystem {
  const disk = new MemoryFileSystem();
  disk.alter(FIRST, () => fixture.slice());
  return disk;
}

/** Numbers of a protobuf message by field; enough for raft's entries and hard states. */
function fields(data: Uint8Array): Map<number, number> {
  const numbers = new Map<number, number>();
  for (let at = 0; at < data.length; ) {
    const tag = data[at++]!;
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = data[at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
    }
    numbers.set(tag >> 3, value);
    if ((tag & 7) === 2) at += value;
  }
  return numbers;
}

describe("etcd's own log", () => {
  it('is read record by record, its chain verified', async () => {
    const { wal, records, repaired } = await Wal.open(options(etcdDisk()));
    const all = await collect(records);
    expect(repaired).toBeUndefined();
    expect(all.slice(0, 2).map(({ type }) => type)).toEqual([METADATA, SNAPSHOT]);
    const entries = all.filter(({ type }) => type === ENTRY).map(({ data }) => fields(data));
    // Entry: type = 1, term = 2, index = 3, data = 4. The first is the change that adds the member itself.
    expect(entries.map((entry) => entry.get(3))).toEqual(entries.map((_, i) => i + 1));
    expect(entries.map((entry) => entry.get(2))).toEqual(entries.map((_, i) => (i === 0 ? 1 : 2)));
    expect(entries[0]!.get(1)).toBe(1);
    const states = all.filter(({ type }) => type === STATE).map(({ data }) => fields(data));
    expect(states.at(-1)!.get(3)).toBe(entries.length);
    expect(entries.length).toBe(12);
    expect(await wal.verify()).toMatchObject({ segments: 1, records: all.length });
  });

  it('says the same to a decoder that shares no code with ours', async () => {
    const decoded = decodeSegment(fixture, 0);
    const { records } = await Wal.open(options(etcdDisk()));
    const ours = await collect(records);
    expect(ours).toEqual(
      decoded.records.filter(({ type }) => type !== 4n).map(({ type, data }) => ({ type: Number(type), data: data! })),
    );
  });

  it('written again by us has the same bytes, but for the marks', async () => {
    const { records } = await Wal.open(options(etcdDisk()));
    const all = await collect(records);
    const disk = new MemoryFileSystem();
    // Without syncing there are no marks.
    const wal = await Wal.create({
      ...options(disk, { sync: false, head: () => all.slice(0, 1) }),
      initial: all.slice(1, 2),
    });
    for (const one of all.slice(2)) await wal.append([one], { sync: false, nextPosition: 0 });
    await wal.close();
    const end = decodeSegment(fixture, 0).end;
    expect(Buffer.compare(disk.contents(FIRST).subarray(0, end), fixture.subarray(0, end))).toBe(0);
  });

  it('can be continued in place, and then ends in our records', async () => {
    let disk = etcdDisk();
    const { wal, records } = await Wal.open(options(disk));
    const before = (await collect(records)).length;
    await wal.append([record(ENTRY, 'ours')], { sync: true, nextPosition: 13 });
    await wal.close();
    disk = disk.restart();
    const again = await collect((await Wal.open(options(disk))).records);
    expect(again.length).toBe(before + 1);
    // Checksums chain on from etcd's, marks included: an independent reader agrees.
    expect(decodeSegment(disk.contents(FIRST), 0).records.filter(({ type }) => type !== 4n)).toHaveLength(before + 1);
  });

  it('interrupted in its last record is repaired, but not damaged before a whole one', async () => {
    const decoded = decodeSegment(fixture, 0);
    const count = decoded.records.filter(({ type }) => type !== 4n).length;
    // Within the last record, which is a hard state of 48 bytes with its frame.
    for (let from = decoded.end - 30; from < decoded.end - 10; from++) {
      const disk = etcdDisk();
      zero(disk, FIRST, from, fixture.length);
      const { records, repaired } = await Wal.open(options(disk));
      expect(repaired).toBeDefined();
      expect(await collect(records)).toHaveLength(count - 1);
    }
    // A sector with records after it: etcd never wrote a mark, so whole later records are the proof.
    const disk = etcdDisk();
    zero(disk, FIRST, 1024, 1536);
    await expect(Wal.open(options(disk))).rejects.toMatchObject({ code: 'WAL_CORRUPT' });
  });
});

describe('our log', () => {
  it('is read across segments by a decoder that shares no code with ours', async () => {
    const disk = new MemoryFileSystem();
    const head = record(METADATA, 'head');
    const wal = await Wal.create(options(disk, { segmentBytes: 700, head: () => [head] }));
    const appended: WalRecord[] = [];
    for (let i = 0; i < 60; i++) {
      const batch = Array.from({ length: i % 4 }, (_, j) => record(ENTRY, `${i} ${j} ${'x'.repeat((i * 7) % 90)}`));
      appended.push(...batch);
      await wal.append(batch, { sync: i % 3 !== 0, nextPosition: appended.length });
    }
    await wal.close();
    let chain = 0;
    const found: WalRecord[] = [];
    for (const path of disk.paths()) {
      const decoded = decodeSegment(disk.contents(path), chain);
      chain = decoded.chain;
      expect(decoded.records[0]!.type).toBe(4n);
      expect(Buffer.from(decoded.records[1]!.data!).toString()).toBe('head');
      for (const { type, data } of decoded.records.slice(2))
        if (type !== 4n) found.push({ type: Number(type), data: data! });
    }
    expect(disk.paths().length).toBeGreaterThan(5);
    expect(found.map(({ data }) => Buffer.from(data).toString())).toEqual(
      appended.map(({ data }) => Buffer.from(data).toString()),
    );
  });
});
