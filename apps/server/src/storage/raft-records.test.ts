import type { ConfState, Entry } from '@kontiki/raft';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkRecord,
  decodeEntry,
  decodeHardState,
  decodeMetadata,
  decodeSnapshotMark,
  encodeEntry,
  encodeHardState,
  encodeMetadata,
  encodeSnapshotMark,
} from './raft-records.js';

const u64 = fc.bigInt({ min: 1n, max: (1n << 64n) - 1n });
const count = fc.integer({ min: 1, max: 2 ** 40 });
const bytes = (minLength: number) => fc.uint8Array({ minLength, maxLength: 40 });
const entry: fc.Arbitrary<Entry> = fc.oneof(
  fc.record({ kind: fc.constant('normal' as const), index: count, term: count, data: bytes(0) }),
  fc.record({ kind: fc.constant('change' as const), index: count, term: count, data: bytes(1) }),
  // Without steps: a joint configuration is left.
  fc.record({ kind: fc.constant('changeV2' as const), index: count, term: count, data: bytes(0) }),
);
const hardState = fc.record({ term: count, vote: fc.oneof(fc.constant(0n), u64), commit: fc.nat() });
const metadata = fc.record({ nodeId: u64, clusterId: u64 });
const confState: fc.Arbitrary<ConfState> = fc.record({
  voters: fc.array(u64, { minLength: 1, maxLength: 3 }),
  learners: fc.array(u64, { maxLength: 2 }),
});
const mark = fc.record({ index: count, term: count, confState });

describe('the records of a raft log', () => {
  it('come back as they were written, and pass the check', () => {
    fc.assert(
      fc.property(entry, hardState, metadata, mark, (anEntry, aState, someMetadata, aMark) => {
        const records = [
          encodeEntry(anEntry),
          encodeHardState(aState),
          encodeMetadata(someMetadata),
          encodeSnapshotMark(aMark),
        ];
        expect(records.map(checkRecord)).toEqual([undefined, undefined, undefined, undefined]);
        const back = decodeEntry(records[0]!.data);
        expect({ ...back, data: [...back.data] }).toEqual({ ...anEntry, data: [...anEntry.data] });
        expect(decodeHardState(records[1]!.data)).toEqual(aState);
        expect(decodeMetadata(records[2]!.data)).toEqual(someMetadata);
        expect(decodeSnapshotMark(records[3]!.data)).toEqual(aMark);
      }),
    );
  });

  it('of one kind are not taken for another when one bit of the type is wrong', () => {
    const record = fc.oneof(
      entry.map(encodeEntry),
      hardState.map(encodeHardState),
      // Ids are hashes: never as small as an index.
      fc.record({ nodeId: fc.bigInt(1n << 54n, (1n << 64n) - 1n), clusterId: u64 }).map(encodeMetadata),
      mark.map(encodeSnapshotMark),
    );
    fc.assert(
      fc.property(record, fc.nat(7), ({ type, data }, bit) => {
        const wrong = type ^ (1 << bit);
        // Type 4 is the log's own checksum record, which it checks itself.
        fc.pre(wrong !== 4);
        expect(checkRecord({ type: wrong, data })).toBeTypeOf('string');
      }),
      { numRuns: 2000 },
    );
  });

  it('that are garbage are told', () => {
    expect(checkRecord({ type: 2, data: Uint8Array.of(0xff, 0xff) })).toBeTypeOf('string');
    expect(checkRecord({ type: 9, data: new Uint8Array() })).toMatch(/type 9/);
  });
});
