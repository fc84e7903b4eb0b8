import type { LogWriter, RecoveredLog } from '../driver/ports.js';
import type { Persist } from '../ready.js';
import type { Entry, HardState, SnapshotMeta } from '../types.js';
import { assertEqual, type SuiteCase } from './check.js';

/** A {@link LogWriter} under test, on a fresh disk for every `open`. */
export interface LogHarness {
  open(): Promise<LogUnderTest>;
}

export interface LogUnderTest {
  readonly writer: LogWriter;
  /** Ends the process that writes, as abruptly as possible, and reads back what a new one finds. */
  reopen(): Promise<{ readonly writer: LogWriter; readonly recovered: RecoveredLog }>;
}

const entry = (index: number, term: number, text = `${index}.${term}`): Entry => ({
  index,
  term,
  kind: 'normal',
  data: new TextEncoder().encode(text),
});
const batch = (parts: Partial<Persist>): Persist => ({ entries: [], mustSync: true, ...parts });
const hard = (term: number, vote: bigint, commit: number): HardState => ({ term, vote, commit });
const meta = (index: number, term: number): SnapshotMeta => ({
  index,
  term,
  confState: { voters: [1n, 2n, 18_446_744_073_709_551_615n], learners: [4n] },
});

/** What every LogWriter must do; run each case under your test runner. */
export function logSuite(harness: LogHarness): readonly SuiteCase[] {
  const recovers = (name: string, batches: readonly Persist[], expected: RecoveredLog): SuiteCase => ({
    name,
    async run() {
      const { writer, reopen } = await harness.open();
      // All at once: the order of the calls is the order on the disk.
      await Promise.all(batches.map((each) => writer.append(each)));
      assertEqual((await reopen()).recovered, expected, name);
    },
  });
  return [
    recovers('is empty at first', [], { entries: [] }),
    recovers(
      'gives back entries and hard state',
      [batch({ hardState: hard(1, 2n, 0), entries: [entry(1, 1), entry(2, 1)] }), batch({ entries: [entry(3, 1)] })],
      { hardState: hard(1, 2n, 0), entries: [entry(1, 1), entry(2, 1), entry(3, 1)] },
    ),
    recovers(
      'the latest hard state counts',
      [
        batch({ hardState: hard(1, 1n, 0) }),
        batch({ hardState: hard(2, 0n, 0) }),
        batch({ hardState: hard(2, 3n, 0) }),
      ],
      { hardState: hard(2, 3n, 0), entries: [] },
    ),
    recovers(
      'entries replace whatever was there from their first index on',
      [batch({ entries: [entry(1, 1), entry(2, 1), entry(3, 1), entry(4, 1)] }), batch({ entries: [entry(2, 2)] })],
      { entries: [entry(1, 1), entry(2, 2)] },
    ),
    recovers(
      'keeps every kind of entry, and empty and large data',
      [
        batch({
          entries: [
            { index: 1, term: 1, kind: 'change', data: Uint8Array.of(1, 2) },
            { index: 2, term: 1, kind: 'changeV2', data: new Uint8Array(0) },
            { index: 3, term: 1, kind: 'normal', data: new Uint8Array(100_000).fill(7) },
          ],
        }),
      ],
      {
        entries: [
          { index: 1, term: 1, kind: 'change', data: Uint8Array.of(1, 2) },
          { index: 2, term: 1, kind: 'changeV2', data: new Uint8Array(0) },
          { index: 3, term: 1, kind: 'normal', data: new Uint8Array(100_000).fill(7) },
        ],
      },
    ),
    recovers(
      'a snapshot replaces everything before it, and comes before the entries of its batch',
      [
        batch({ entries: [entry(1, 1), entry(2, 1), entry(3, 1)] }),
        batch({ snapshot: { meta: meta(10, 2), data: Uint8Array.of(9) }, entries: [entry(11, 2)] }),
        batch({ entries: [entry(12, 2)] }),
      ],
      { snapshot: meta(10, 2), entries: [entry(11, 2), entry(12, 2)] },
    ),
    recovers(
      'what is behind a compaction mark is gone, what is after it stays',
      [
        batch({ hardState: hard(1, 1n, 2), entries: [entry(1, 1), entry(2, 1), entry(3, 1)] }),
        batch({ compacted: meta(2, 1) }),
        batch({ entries: [entry(4, 1)] }),
      ],
      { hardState: hard(1, 1n, 2), snapshot: meta(2, 1), entries: [entry(3, 1), entry(4, 1)] },
    ),
    {
      name: 'goes on where it stopped',
      async run() {
        const log = await harness.open();
        await log.writer.append(batch({ hardState: hard(1, 1n, 0), entries: [entry(1, 1), entry(2, 1)] }));
        const second = await log.reopen();
        await second.writer.append(batch({ hardState: hard(2, 0n, 1), entries: [entry(2, 2), entry(3, 2)] }));
        const expected = { hardState: hard(2, 0n, 1), entries: [entry(1, 1), entry(2, 2), entry(3, 2)] };
        assertEqual((await log.reopen()).recovered, expected, 'after the second restart');
      },
    },
  ];
}
