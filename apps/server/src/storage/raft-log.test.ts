import type { Entry, Persist } from '@kontiki/raft';
import { SeededRandom } from '@kontiki/std';
import type { WalRecord } from '@kontiki/wal';
import { MemoryFileSystem } from '@kontiki/wal/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../testing/manual-clock.js';
import { type BootstrapOptions, type Bootstrapped, bootstrap, checkApplied } from './bootstrap.js';
import { recoverRaftLog } from './raft-log.js';
import { encodeEntry, encodeHardState, encodeMetadata, encodeSnapshotMark } from './raft-records.js';

const entry = (index: number, term = 1): Entry => ({
  index,
  term,
  kind: 'normal',
  data: Uint8Array.of(index & 0xff, term & 0xff),
});
const metadata = encodeMetadata({ nodeId: 7n, clusterId: 9n });
const confState = { voters: [7n], learners: [] };

describe('recoverRaftLog', () => {
  const recover = (...records: WalRecord[]) => recoverRaftLog([metadata, ...records]);
  const indexes = async (...records: WalRecord[]) =>
    (await recover(...records)).entries.map(({ index, term }) => `${index}@${term}`);

  it('lets later entries replace earlier ones from their index on', async () => {
    expect(await indexes(...[entry(1), entry(2), entry(3), entry(2, 2)].map(encodeEntry))).toEqual(['1@1', '2@2']);
    expect(await indexes(...[entry(1), entry(2), entry(1, 3)].map(encodeEntry))).toEqual(['1@3']);
  });

  it('begins behind the last snapshot mark', async () => {
    const mark = encodeSnapshotMark({ index: 2, term: 1, confState });
    expect(await indexes(...[1, 2, 3].map((i) => encodeEntry(entry(i))), mark)).toEqual(['3@1']);
    expect((await recover(mark)).snapshot).toEqual({ index: 2, term: 1, confState });
  });

  it('a mark behind what is left of the log is a point reached by applying, not a snapshot', async () => {
    const mark = (index: number): WalRecord => encodeSnapshotMark({ index, term: 2, confState });
    const log = await recover(encodeEntry(entry(23, 2)), mark(19), mark(22));
    expect([log.entries.map(({ index }) => index), log.snapshot?.index]).toEqual([[23], 22]);
  });

  it('a snapshot from the leader takes the place of entries it does not continue', async () => {
    const stale = [4, 5, 6].map((index) => encodeEntry(entry(index)));
    expect(await indexes(...stale, encodeSnapshotMark({ index: 5, term: 3, confState }))).toEqual([]);
    expect(await indexes(...stale, encodeSnapshotMark({ index: 9, term: 3, confState }))).toEqual([]);
    expect(await indexes(...stale, encodeSnapshotMark({ index: 5, term: 1, confState }))).toEqual(['6@1']);
  });

  it('takes the last hard state', async () => {
    const states = [1, 2].map((term) => encodeHardState({ term, vote: 7n, commit: 0 }));
    expect((await recover(...states)).hardState).toEqual({ term: 2, vote: 7n, commit: 0 });
  });

  it('refuses a gap, a start that does not join the snapshot, a log of nobody', async () => {
    await expect(recover(encodeEntry(entry(1)), encodeEntry(entry(3)))).rejects.toThrow(/entry 1 to entry 3/);
    await expect(recover(encodeEntry(entry(2)))).rejects.toThrow(/begins at entry 2/);
    await expect(recoverRaftLog([encodeEntry(entry(1))])).rejects.toThrow(/does not say whose/);
    await expect(recover({ type: 77, data: new Uint8Array() })).rejects.toThrow(/type 77/);
  });
});

function options(fileSystem: MemoryFileSystem, changes: Partial<BootstrapOptions> = {}): BootstrapOptions {
  return {
    fileSystem,
    walDirectory: 'data/member/wal',
    founding: async () => ({
      memberId: 7n,
      clusterId: 9n,
      members: [{ id: 7n, name: 'default', peerUrls: ['http://localhost:2380'] }],
    }),
    wal: { clock: new ManualClock(), segmentBytes: 2048 },
    maxSegments: 1,
    ...changes,
  };
}

async function close(started: Bootstrapped): Promise<void> {
  await started.wal.close();
}

describe('bootstrap', () => {
  it('founds a log once, with the first member in it, then only opens it', async () => {
    const disk = new MemoryFileSystem();
    const first = await bootstrap(options(disk));
    expect(first.founded).toBe(true);
    expect(first.log.metadata).toEqual({ nodeId: 7n, clusterId: 9n });
    expect(first.log.hardState).toEqual({ term: 1, vote: 0n, commit: 1 });
    expect(first.log.entries.map(({ kind, index, term }) => ({ kind, index, term }))).toEqual([
      { kind: 'change', index: 1, term: 1 },
    ]);
    await close(first);
    const again = await bootstrap(options(disk.restart(), { founding: () => expect.fail('asked how to found') }));
    expect(again.founded).toBe(false);
    expect(again.log.entries).toHaveLength(1);
    await close(again);
  });

  it('leaves a whole log or none when the power fails while it is founded', async () => {
    for (let seed = 0; seed < 40; seed++) {
      const disk = new MemoryFileSystem();
      let left = seed;
      disk.before = () => {
        if (left-- === 0) throw Object.assign(new Error('power'), { code: 'EIO' });
      };
      await bootstrap(options(disk))
        .then(close)
        .catch(() => {});
      const after = await bootstrap(options(disk.powerCut(new SeededRandom(seed))));
      expect(after.log.entries).toHaveLength(1);
      await close(after);
    }
  });

  it('refuses tables without their log, and a log that is not of their time', async () => {
    const orphaned = async (): Promise<never> => {
      throw new Error('no log beside the database');
    };
    const disk = new MemoryFileSystem();
    await expect(bootstrap(options(disk, { founding: orphaned }))).rejects.toThrow(/no log beside/);
    expect(await disk.exists('data/member/wal')).toBe(false);
    const started = await bootstrap(options(disk));
    expect(() => checkApplied(started.log, 1, 'wal')).not.toThrow();
    expect(() => checkApplied(started.log, 12, 'wal')).toThrow(/not of the same time/);
    await close(started);
  });

  it('refuses a log whose end is missing', async () => {
    const disk = new MemoryFileSystem();
    const first = await bootstrap(options(disk));
    await first.raftLog.append({ entries: [], hardState: { term: 2, vote: 7n, commit: 3 }, mustSync: true });
    await close(first);
    await expect(bootstrap(options(disk.restart()))).rejects.toThrow(
      /ends at entry 1, but says that entry 3 was committed/,
    );
  });

  it('names the file of a damaged log', async () => {
    const disk = new MemoryFileSystem();
    const first = await bootstrap(options(disk));
    await first.raftLog.append({ entries: [entry(2), entry(3)], mustSync: true });
    await first.raftLog.append({ entries: [entry(4)], mustSync: true });
    await close(first);
    const path = disk.paths().find((name) => name.endsWith('.wal'))!;
    disk.alter(path, (bytes) => bytes.map((byte, i) => (i === 100 ? byte ^ 1 : byte)));
    await expect(bootstrap(options(disk.restart()))).rejects.toThrow(path.slice(1));
  });

  /** The twin keeps the acknowledged batches; after a power cut nothing acknowledged may be missing or changed. */
  it('gives back every acknowledged batch after any history of appends, compactions, snapshots and power cuts', async () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ kind: fc.constant('append' as const), count: fc.integer({ min: 1, max: 8 }) }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ kind: fc.constant('overwrite' as const), back: fc.integer({ min: 1, max: 3 }) }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('compact' as const) }) },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant('install' as const), ahead: fc.integer({ min: -2, max: 5 }) }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('cut' as const), seed: fc.nat() }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        let disk = new MemoryFileSystem();
        let node = await bootstrap(options(disk));
        let entries = [...node.log.entries];
        let term = 1;
        let base = 0;
        const persist = async (batch: Persist): Promise<void> => node.raftLog.append(batch);
        const last = (): number => entries.at(-1)?.index ?? base;
        for (const { kind, ...rest } of steps) {
          if (kind === 'append' || kind === 'overwrite') {
            if (kind === 'overwrite') {
              const back = Math.min((rest as { back: number }).back, entries.length);
              entries = entries.slice(0, entries.length - back);
            }
            term++;
            const count = (rest as { count?: number }).count ?? 1;
            const added = Array.from({ length: count }, (_, i) => entry(last() + 1 + i, term));
            entries.push(...added);
            await persist({ entries: added, hardState: { term, vote: 7n, commit: base }, mustSync: true });
          } else if (kind === 'compact') {
            const at = entries[Math.floor(entries.length / 2)];
            if (at === undefined) continue;
            base = at.index;
            await persist({ entries: [], compacted: { index: at.index, term: at.term, confState }, mustSync: true });
            entries = entries.filter(({ index }) => index > base);
          } else if (kind === 'install') {
            // A snapshot of a later term, somewhere around the end: nothing of the log before goes with it.
            term++;
            base = Math.max(base + 1, last() + ((rest as { ahead?: number }).ahead ?? 0));
            entries = [];
            const meta = { index: base, term, confState };
            const hardState = { term, vote: 7n, commit: base };
            await persist({ entries: [], snapshot: { meta, data: new Uint8Array(0) }, hardState, mustSync: true });
          } else {
            disk = disk.powerCut(new SeededRandom((rest as { seed: number }).seed));
            node = await bootstrap(options(disk));
            expect(node.log.entries.map(({ index, term: of }) => [index, of])).toEqual(
              entries.map(({ index, term: of }) => [index, of]),
            );
            expect(node.log.snapshot?.index ?? 0).toBe(base);
          }
        }
        await close(node);
      }),
      { numRuns: 60 },
    );
  });
});
