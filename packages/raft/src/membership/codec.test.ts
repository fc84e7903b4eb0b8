import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RaftError } from '../errors.js';
import type { ChangeStep, MembershipChange } from './change.js';
import { decodeChange, encodeChange } from './codec.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const unhex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));
const u64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
const step: fc.Arbitrary<ChangeStep> = fc.record({
  action: fc.constantFrom('addVoter' as const, 'remove' as const, 'update' as const, 'addLearner' as const),
  node: u64,
});
const change: fc.Arbitrary<MembershipChange> = fc.oneof(
  fc.record({ kind: fc.constant('change' as const), id: u64, step, context: fc.uint8Array() }),
  fc.record({
    kind: fc.constant('changeV2' as const),
    transition: fc.constantFrom('auto' as const, 'jointImplicit' as const, 'jointExplicit' as const),
    steps: fc.array(step),
    context: fc.uint8Array(),
  }),
);

describe('membership changes as bytes', () => {
  it('come back as they were', () =>
    fc.assert(
      fc.property(change, (each) => {
        expect(decodeChange({ kind: each.kind, data: encodeChange(each) })).toEqual(each);
      }),
    ));

  it('any bytes are a change or INVALID_CHANGE', () =>
    fc.assert(
      fc.property(
        fc.constantFrom('change' as const, 'changeV2' as const),
        fc.uint8Array({ maxLength: 30 }),
        (kind, data) => {
          try {
            expect(decodeChange({ kind, data }).kind).toBe(kind);
          } catch (error) {
            expect(error).toBeInstanceOf(RaftError);
            expect(error).toMatchObject({ code: 'INVALID_CHANGE' });
          }
        },
      ),
      { numRuns: 2000 },
    ));

  // Field by field from raftpb: id = 1, type = 2, node_id = 3, context = 4; transition = 1, changes = 2, context = 3.
  it.each([
    [
      '0807 1001 1803 2202abcd',
      { kind: 'change', id: 7n, step: { action: 'remove', node: 3n }, context: Uint8Array.of(0xab, 0xcd) },
    ],
    [
      '18ffffffffffffffffff01',
      { kind: 'change', id: 0n, step: { action: 'addVoter', node: (1n << 64n) - 1n }, context: Uint8Array.of() },
    ],
    ['', { kind: 'changeV2', transition: 'auto', steps: [], context: Uint8Array.of() }],
    [
      '0801 1204 0803 1005 1202 1006 1a0109',
      {
        kind: 'changeV2',
        transition: 'jointImplicit',
        steps: [
          { action: 'addLearner', node: 5n },
          { action: 'addVoter', node: 6n },
        ],
        context: Uint8Array.of(9),
      },
    ],
  ] as const)('%s', (spaced, each) => {
    const text = spaced.replaceAll(' ', '');
    expect(hex(encodeChange(each))).toBe(text);
    expect(decodeChange({ kind: each.kind, data: unhex(text) })).toEqual(each);
  });

  it('zeros that are written out, and fields nobody knows, are read over', () => {
    expect(decodeChange({ kind: 'change', data: unhex('0800100018022200') })).toEqual({
      kind: 'change',
      id: 0n,
      step: { action: 'addVoter', node: 2n },
      context: Uint8Array.of(),
    });
    expect(
      decodeChange({
        kind: 'change',
        data: unhex('1802 7a0101 79 0102030405060708 7d 01020304 9801 05'.replaceAll(' ', '')),
      }),
    ).toMatchObject({
      step: { node: 2n },
    });
  });

  it.each([
    ['change', '18', 'ends in the middle'],
    ['change', '2205ab', 'ends in the middle'],
    ['change', '1005', 'unknown value 5'],
    ['change', '1b', 'wire type 3'],
    ['change', '18ffffffffffffffffffffff01', 'more than 10 bytes'],
    ['change', '1a0101', 'expected a number'],
    ['change', '2005', 'expected bytes'],
    ['changeV2', '1005', 'expected bytes'],
    ['changeV2', '0803', 'unknown value 3'],
  ] as const)('refused: %s %s', (kind, text, message) => {
    expect(() => decodeChange({ kind, data: unhex(text) })).toThrow(message);
  });

  it('a normal entry is none', () => {
    expect(() => decodeChange({ kind: 'normal', data: Uint8Array.of() })).toThrow('kind normal');
  });
});
