import { describe, expect, it } from 'vitest';
import type { Message } from '../message.js';
import { assertEqual } from './check.js';
import { logSuite } from './log-suite.js';
import { MemoryDisk } from './memory-disk.js';
import { MemoryHub } from './memory-hub.js';
import { everyMessage, transportSuite } from './transport-suite.js';

describe('MemoryDisk keeps every obligation of a LogWriter', () => {
  const suite = logSuite({
    async open() {
      const disk = new MemoryDisk();
      return { writer: disk, reopen: async () => ({ writer: disk, recovered: disk.recover() }) };
    },
  });
  it.each(suite.map((each) => [each.name, each] as const))('%s', (_, { run }) => run());
});

describe('the suite finds a writer that', () => {
  const failures = async (break_: (disk: MemoryDisk) => void): Promise<number> => {
    const suite = logSuite({
      async open() {
        const disk = new MemoryDisk();
        break_(disk);
        return { writer: disk, reopen: async () => ({ writer: disk, recovered: disk.recover() }) };
      },
    });
    return (await Promise.allSettled(suite.map(({ run }) => run()))).filter(({ status }) => status === 'rejected')
      .length;
  };
  it.each([
    [
      'forgets the hard state',
      (disk: MemoryDisk) => (disk.append = async ({ hardState: _, ...batch }) => disk.store(batch)),
    ],
    ['ignores snapshots', (disk: MemoryDisk) => (disk.append = async ({ snapshot: _, ...batch }) => disk.store(batch))],
    [
      'keeps what was compacted',
      (disk: MemoryDisk) => (disk.append = async ({ compacted: _, ...batch }) => disk.store(batch)),
    ],
    [
      'loses the last entry',
      (disk: MemoryDisk) =>
        (disk.append = async (batch) => disk.store({ ...batch, entries: batch.entries.slice(0, -1) })),
    ],
  ])('%s', async (_, break_) => {
    expect(await failures(break_)).toBeGreaterThan(0);
  });
});

describe('MemoryHub keeps every obligation of a Transport', () => {
  const suite = transportSuite({
    async open() {
      const hub = new MemoryHub();
      const received: Message[] = [];
      const ignore = { reportUnreachable: () => {}, reportSnapshot: () => {} };
      hub.attach(1n, { receive: () => {}, ...ignore });
      hub.attach(2n, { receive: (message) => received.push(message), ...ignore });
      return {
        transport: hub.transport,
        received,
        settle: () => new Promise((resolve) => setImmediate(resolve)),
        close: async () => {},
      };
    },
  });
  it.each(suite.map((each) => [each.name, each] as const))('%s', (_, { run }) => run());

  it('and the suite has every kind of message', () => {
    expect(new Set(everyMessage.map(({ type }) => type)).size).toBe(14);
  });
});

it('a hub reports what could not be handed over', async () => {
  const hub = new MemoryHub();
  const reports: string[] = [];
  hub.attach(1n, {
    receive: () => {},
    reportUnreachable: (id) => reports.push(`unreachable ${id}`),
    reportSnapshot: (id, delivered) => reports.push(`snapshot ${id} ${delivered}`),
  });
  const snapshot = everyMessage.find(({ type }) => type === 'snapshot')!;
  hub.transport.send([snapshot]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(reports).toEqual(['unreachable 2', 'snapshot 2 false']);
});

it('equality looks into bytes and bigints, and not at the order of fields', () => {
  assertEqual({ a: 1n, b: Uint8Array.of(1) }, { b: Uint8Array.of(1), a: 1n }, 'same');
  expect(() => assertEqual([1n], [1], 'kinds')).toThrow('kinds: expected [1], got ["1n"]');
  expect(() => assertEqual(Uint8Array.of(1), Uint8Array.of(2), 'bytes')).toThrow('bytes');
});
