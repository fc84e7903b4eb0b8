import { Deferred, SeededRandom, silentLogger } from '@kontiki/std';
import { beforeEach, describe, expect, it } from 'vitest';
import { decodeSegment } from '../test/naive-decoder.js';
import { DIRECTORY, options, readAll, record } from '../test/support.js';
import { failNth, MemoryFileSystem, type Operation } from './testing/index.js';
import type { OpenOptions } from './wal.js';
import { Wal } from './wal.js';

const FIRST = `${DIRECTORY}/0000000000000000-0000000000000000.wal`;
const sync = { sync: true, nextPosition: 0 };
const noSync = { sync: false, nextPosition: 0 };

let disk: MemoryFileSystem;
let log: string[];

beforeEach(() => {
  disk = new MemoryFileSystem();
  log = [];
});

const isData = ({ kind }: Operation): boolean => kind === 'write' || kind === 'datasync';

/** Small segments, so that the zeros ahead are written early and stay out of the way. */
async function create(more: Partial<OpenOptions> = {}): Promise<Wal> {
  const wal = await Wal.create(options(disk, { segmentBytes: 4096, ...more }));
  await wal.append([record(1, 'first')], sync);
  disk.before = (operation) => void (isData(operation) && log.push(operation.kind));
  return wal;
}

/** Notes when an append settles. */
function note(name: string, append: Promise<void>): Promise<void> {
  return append.then(
    () => void log.push(name),
    (error) => void log.push(`${name}: ${error.code}`),
  );
}

describe('group commit', () => {
  it('writes and syncs once for everything appended in one turn', async () => {
    const wal = await create();
    await Promise.all(['a', 'b', 'c'].map((name) => note(name, wal.append([record(2, name)], sync))));
    expect(log).toEqual(['write', 'datasync', 'a', 'b', 'c']);
  });

  it('lets everything that arrives during a datasync go together in the next', async () => {
    const wal = await create();
    const slow = new Deferred<void>();
    let waits = true;
    disk.before = async (operation) => {
      if (!isData(operation)) return;
      log.push(operation.kind);
      if (operation.kind === 'datasync' && waits) await slow.promise;
    };
    const first = note('first', wal.append([record(2, 'first')], sync));
    await tick();
    const rest = Array.from({ length: 100 }, (_, i) => note(`${i}`, wal.append([record(2, `${i}`)], sync)));
    await tick();
    expect(log).toEqual(['write', 'datasync']);
    waits = false;
    slow.resolve();
    await Promise.all([first, ...rest]);
    expect(log).toEqual(['write', 'datasync', 'first', 'write', 'datasync', ...rest.map((_, i) => `${i}`)]);
    await wal.close();
    const { texts } = await readAll(disk);
    expect(texts).toEqual(['1:first', '2:first', ...rest.map((_, i) => `2:${i}`)]);
  });

  it('takes callers that append again as soon as they are answered along in the very next batch', async () => {
    const wal = await create();
    let batches = 0;
    disk.before = ({ kind }) => void (kind === 'datasync' && batches++);
    const caller = async (): Promise<void> => {
      for (let i = 0; i < 10; i++) await wal.append([record(2, 'x')], sync);
    };
    await Promise.all(Array.from({ length: 16 }, caller));
    expect(batches).toBeLessThanOrEqual(11);
  });

  it('splits what is too much for one batch, in order', async () => {
    const wal = await Wal.create(options(disk));
    await wal.append([], sync);
    disk.before = (operation) => void (isData(operation) && log.push(operation.kind));
    const large = (): Promise<void> => wal.append([record(2, new Uint8Array(3 << 20))], sync);
    await Promise.all([note('a', large()), note('b', large())]);
    expect(log.filter((line) => line !== 'write')).toEqual(['datasync', 'a', 'datasync', 'b']);
  });

  it('answers unsynced appends once they are written, but never before an append that came earlier', async () => {
    const wal = await create();
    disk.before = (operation) => {
      if (isData(operation)) log.push(operation.kind);
      return operation.kind === 'datasync' ? tick() : undefined;
    };
    await Promise.all([
      note('a', wal.append([record(2, 'a')], noSync)),
      note('B', wal.append([record(2, 'B')], sync)),
      note('c', wal.append([record(2, 'c')], noSync)),
    ]);
    expect(log).toEqual(['write', 'datasync', 'a', 'B', 'c']);
    log = [];
    await note('d', wal.append([record(2, 'd')], noSync));
    expect(log).toEqual(['write', 'd']);
  });

  it('makes everything before durable with an append of nothing', async () => {
    const wal = await create();
    await wal.append([record(2, 'a')], noSync);
    await wal.append([], noSync);
    log = [];
    await wal.append([], sync);
    expect(log).toEqual(['datasync']);
    await wal.append([], sync);
    expect(log).toEqual(['datasync']);
  });

  it('never waits for the disk when it is told not to', async () => {
    const wal = await create({ sync: false });
    await wal.append([record(2, 'a')], sync);
    await wal.close();
    expect(log).toEqual(['write']);
    disk = disk.restart();
    expect((await readAll(disk, { sync: false })).texts).toEqual(['1:first', '2:a']);
  });

  it('counts what it does', async () => {
    const seconds: string[] = [];
    let written = 0;
    let now = 0;
    const wal = await create({
      clock: { ...options(disk).clock, monotonic: () => (now += 500) },
      fsyncSeconds: { observe: (value) => seconds.push(`fsync ${value}`) },
      writeSeconds: { observe: (value) => seconds.push(`write ${value}`) },
      writtenBytes: { add: (bytes = 1) => (written += bytes) },
    });
    written = 0;
    seconds.length = 0;
    await wal.append([record(2, 'hello')], sync);
    expect(seconds).toEqual(['write 0.5', 'fsync 0.5']);
    // A mark, and a frame of 8 + 2 + 6 + 2 + 5 bytes.
    expect(written).toBe(16 + 24);
  });
});

describe('a mark', () => {
  const marks = (): number => decodeSegment(disk.contents(FIRST), 0).records.filter(({ type }) => type === 4n).length;

  it('precedes a batch only when everything before it is on the disk', async () => {
    const wal = await create();
    const before = marks();
    await wal.append([record(2, 'a')], noSync);
    expect(marks()).toBe(before + 1);
    await wal.append([record(2, 'b')], noSync);
    await wal.append([record(2, 'c')], sync);
    expect(marks()).toBe(before + 1);
    await wal.append([record(2, 'd')], noSync);
    expect(marks()).toBe(before + 2);
    await wal.close();
    expect(marks()).toBe(before + 3);
  });

  it('is not repeated by opening and closing', async () => {
    await (await create()).close();
    const before = marks();
    for (let i = 0; i < 3; i++) await (await Wal.open(options(disk))).wal.close();
    expect(marks()).toBe(before);
  });

  it('is never written without syncing', async () => {
    const wal = await create({ sync: false });
    for (let i = 0; i < 3; i++) await wal.append([record(2, 'a')], sync);
    await wal.close();
    expect(marks()).toBe(1);
  });
});

describe('failure', () => {
  it.each(['write', 'datasync'])(
    'of a %s rejects that append and all waiting and later ones, and nothing is retried',
    async (kind) => {
      const wal = await create();
      await wal.append([record(2, 'safe')], sync);
      const fail = failNth(1, (operation) => operation.kind === kind, 'EIO');
      const slow = new Deferred<void>();
      disk.before = async (operation) => {
        if (isData(operation)) log.push(operation.kind);
        if (operation.kind === kind) await slow.promise;
        await fail(operation);
      };
      log = [];
      const first = wal.append([record(2, 'a')], sync);
      const settled = note('a', first);
      await tick();
      const later = [note('b', wal.append([record(2, 'b')], sync)), note('c', wal.append([], sync))];
      slow.resolve();
      await Promise.all([settled, ...later]);
      await note('d', wal.append([record(2, 'd')], noSync));
      await expect(first).rejects.toMatchObject({ code: 'WAL_POISONED', cause: { code: 'EIO' } });
      const tried = kind === 'write' ? ['write'] : ['write', 'datasync'];
      expect(log).toEqual([...tried, ...['a', 'b', 'c', 'd'].map((name) => `${name}: WAL_POISONED`)]);
      await wal.close();
      expect(log.filter((line) => line === kind)).toHaveLength(1);
    },
  );

  it('of a datasync is not forgotten by opening again: what is read then was written again', async () => {
    const wal = await create();
    disk.before = failNth(1, ({ kind }) => kind === 'datasync');
    await expect(wal.append([record(2, 'read from memory')], sync)).rejects.toMatchObject({ code: 'WAL_POISONED' });
    // The process stops. The machine lives, and calls the lost pages clean.
    disk = disk.restart();
    const { texts, wal: again } = await readAll(disk);
    expect(texts).toEqual(['1:first', '2:read from memory']);
    await again.append([record(2, 'more')], sync);
    disk = disk.powerCut(new SeededRandom(1), 'lost');
    expect((await readAll(disk)).texts).toEqual(['1:first', '2:read from memory', '2:more']);
  });

  it('for want of space ends the log with its own code, and leaves what was acknowledged readable', async () => {
    const wal = await create();
    await wal.append([record(2, 'safe')], sync);
    disk.capacityBytes = disk.contents(FIRST).length + 100;
    const all = await Promise.allSettled([
      wal.append([record(2, new Uint8Array(9000))], sync),
      wal.append([record(2, 'small')], sync),
    ]);
    for (const one of all)
      expect(one).toMatchObject({ status: 'rejected', reason: { code: 'WAL_NO_SPACE', cause: { code: 'ENOSPC' } } });
    await expect(wal.append([record(2, 'later')], sync)).rejects.toMatchObject({ code: 'WAL_NO_SPACE' });
    await wal.close();
    disk.capacityBytes = Number.POSITIVE_INFINITY;
    const { texts, wal: again } = await readAll(disk);
    expect(texts).toEqual(['1:first', '2:safe']);
    await again.append([record(2, 'after')], sync);
  });

  it('to reserve space ahead is no failure: records that fit are written', async () => {
    const warnings: string[] = [];
    const logger = {
      debug: () => {},
      info: () => {},
      error: () => {},
      warn: (message: string) => void warnings.push(message),
    };
    const wal = await Wal.create(options(disk, { segmentBytes: 1 << 20, logger }));
    disk.capacityBytes = 5000;
    for (let i = 0; i < 10; i++) await wal.append([record(2, `small ${i}`)], sync);
    expect(warnings).toEqual(['cannot reserve space for the log']);
    await wal.close();
    expect((await readAll(disk)).texts).toHaveLength(10);
  });
});

describe('closing', () => {
  it('waits for what was appended, refuses what comes after, and may be asked twice', async () => {
    const wal = await create();
    const last = note('last', wal.append([record(2, 'last')], sync));
    const closed = note('closed', wal.close());
    await note('late', wal.append([record(2, 'late')], sync));
    await Promise.all([last, closed, wal.close()]);
    expect(log).toEqual(['late: WAL_CLOSED', 'write', 'datasync', 'last', 'write', 'datasync', 'closed']);
    expect((await readAll(disk)).texts).toEqual(['1:first', '2:last']);
  });

  it('says so when the last datasync fails, and closes the file', async () => {
    const wal = await create();
    await wal.append([record(2, 'a')], noSync);
    let open = 1;
    const fail = failNth(1, ({ kind }) => kind === 'datasync');
    disk.before = (operation) => {
      if (operation.kind === 'close') open--;
      return fail(operation);
    };
    await expect(wal.close()).rejects.toMatchObject({ code: 'WAL_POISONED' });
    expect(open).toBe(0);
  });

  it('loses nothing when only the mark at the end cannot be written', async () => {
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
    const wal = await create({ logger });
    disk.before = failNth(1, ({ kind }) => kind === 'write', 'ENOSPC');
    await wal.close();
    expect(warnings).toEqual(['cannot mark the end of the log']);
    expect((await readAll(disk)).texts).toEqual(['1:first']);
  });

  it('makes unsynced records durable', async () => {
    const wal = await create();
    await wal.append([record(2, 'a')], noSync);
    await wal.close();
    disk = disk.powerCut(new SeededRandom(1), 'lost');
    expect((await readAll(disk)).texts).toEqual(['1:first', '2:a']);
  });
});

describe('space ahead', () => {
  it('is zeros, written while nobody waits, and given back when the segment is cut', async () => {
    const wal = await Wal.create(options(disk, { segmentBytes: 10_000 }));
    const blocked = new Deferred<void>();
    let writes = 0;
    disk.before = ({ kind }) => (kind === 'write' && ++writes === 2 ? blocked.promise : undefined);
    await wal.append([record(2, 'a')], sync);
    // The second write is the zeros; an append that fits does not wait for them to be written.
    const second = wal.append([], sync);
    await second;
    expect(writes).toBe(2);
    blocked.resolve();
    await tick();
    expect(disk.contents(FIRST)).toHaveLength(10_000);
    await wal.append([record(2, new Uint8Array(9000).fill(1))], sync);
    await wal.append([record(2, new Uint8Array(3000).fill(1))], sync);
    await wal.close();
    expect(wal.segments).toHaveLength(2);
    expect(disk.contents(FIRST)).toHaveLength(decodeSegment(disk.contents(FIRST), 0).end);
    expect((await readAll(disk)).texts).toHaveLength(3);
  });

  it('made by someone else, beyond the size of our segments, is given back too', async () => {
    await (await create()).close();
    disk.alter(FIRST, (bytes) => Uint8Array.from({ length: 50_000 }, (_, i) => bytes[i] ?? 0));
    const { wal } = await Wal.open(options(disk, { segmentBytes: 1000 }));
    await wal.append([record(2, new Uint8Array(900).fill(1))], sync);
    await wal.append([record(2, 'next')], sync);
    await wal.close();
    expect(disk.contents(FIRST)).toHaveLength(decodeSegment(disk.contents(FIRST), 0).end);
    expect((await readAll(disk)).texts).toHaveLength(3);
  });

  it('never overwrites records that outgrow it while it is being written', async () => {
    const wal = await Wal.create(options(disk, { segmentBytes: 1 << 20 }));
    const blocked = new Deferred<void>();
    let writes = 0;
    disk.before = ({ kind }) => (kind === 'write' && ++writes === 2 ? blocked.promise : undefined);
    await wal.append([record(2, 'a')], sync);
    const large = wal.append([record(2, new Uint8Array(20_000).fill(7))], sync);
    await tick();
    blocked.resolve();
    await large;
    await wal.close();
    const { texts } = await readAll(disk);
    expect(texts[1]).toBe(`2:${'\x07'.repeat(20_000)}`);
  });
});

/** Lets promises and one round of the event loop pass. */
function tick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
