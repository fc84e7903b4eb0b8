import { raft } from '@kontiki/proto';
import type { Entry, EntryKind } from '@kontiki/raft';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ENTRY_KINDS, entrySize, writeEntry } from './entry-bytes.js';

const number = fc.oneof(
  fc.nat({ max: 300 }),
  fc.maxSafeNat(),
  fc.nat({ max: 53 }).map((n) => 2 ** n - 1),
);

it('writes the bytes that generated code writes, no more and no fewer', () =>
  fc.assert(
    fc.property(
      fc.constantFrom<EntryKind>('normal', 'change', 'changeV2'),
      number,
      number,
      fc.uint8Array({ maxLength: 300 }),
      fc.nat({ max: 3 }),
      (kind, term, index, data, start) => {
        const entry: Entry = { index, term, kind, data };
        const Type = ENTRY_KINDS.indexOf(kind) as raft.EntryType;
        const expected = raft.Entry.encode({ Type, Term: term, Index: index, Data: data }).finish();
        expect(entrySize(entry)).toBe(expected.length);
        const target = new Uint8Array(start + expected.length + 1).fill(0xee);
        expect(writeEntry(target, start, entry)).toBe(start + expected.length);
        expect(Buffer.compare(target.subarray(start, -1), expected)).toBe(0);
        expect(target.at(-1)).toBe(0xee);
      },
    ),
  ));
