import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryMessage } from '../support/arbitrary.js';
import { naiveDecode } from '../support/naive.js';
import { type Known, messages } from '../support/schema.js';

/** What can happen to bytes on their way. */
type Damage =
  | { readonly kind: 'cut'; readonly at: number }
  | { readonly kind: 'set'; readonly at: number; readonly to: number }
  | { readonly kind: 'insert'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'remove'; readonly at: number; readonly count: number };

const at = fc.nat(400);
/** Bytes that mean something where a tag, a length or a varint is expected. */
const telling = fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff, 0x0a, 0x0b, 0x0c, 0x0e, 0x12, 0x2a));
const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({ kind: fc.constant('cut' as const), at }),
  fc.record({ kind: fc.constant('set' as const), at, to: telling }),
  fc.record({
    kind: fc.constant('insert' as const),
    at,
    bytes: fc.array(telling, { maxLength: 12 }).map((bytes) => Uint8Array.from(bytes)),
  }),
  fc.record({ kind: fc.constant('remove' as const), at, count: fc.integer({ min: 1, max: 4 }) }),
);

function damaged(bytes: Uint8Array, damages: readonly Damage[]): Uint8Array {
  return damages.reduce((before, each) => {
    if (before.length === 0) return before;
    const place = each.at % before.length;
    const after = each.kind === 'remove' ? place + each.count : each.kind === 'set' ? place + 1 : place;
    const between = each.kind === 'insert' ? each.bytes : each.kind === 'set' ? [each.to] : [];
    const rest = each.kind === 'cut' ? [] : before.subarray(after);
    return Uint8Array.from([...before.subarray(0, place), ...between, ...rest]);
  }, bytes);
}

/** Ours answers the naive reader's answer, or throws where that one found a reason to. */
function agrees({ type, ours }: Known, bytes: Uint8Array): void {
  const expected = naiveDecode(type, bytes);
  let answer: object | Error;
  try {
    answer = ours.decode(bytes);
  } catch (error) {
    answer = error as Error;
  }
  if (typeof expected === 'string') {
    // Whatever the damage, the error is one of the reader's: no index missed, no stack overflowed.
    expect(answer, expected).toBeInstanceOf(Error);
    expect((answer as Error).message).toMatch(
      /message ends|more than 64 bits|no field has tag|wire type|wrong wireType|group|nested deeper|invalid UTF-8|hold .* exactly/,
    );
  } else expect(answer).toEqual(expected);
}

describe('damaged bytes', () => {
  it.each(messages)('of $name are refused, or read for what they are', (message) => {
    const bytes = arbitraryMessage(message.type).map((fields) =>
      message.type.encode(message.type.create(fields)).finish(),
    );
    fc.assert(
      fc.property(bytes, fc.array(damage, { minLength: 1, maxLength: 3 }), (original, damages) => {
        agrees(message, damaged(original, damages));
      }),
      { numRuns: 40 },
    );
  });

  it('that were never a message are refused, or read for what they are', () => {
    fc.assert(
      fc.property(fc.constantFrom(...messages), fc.array(telling, { maxLength: 60 }), (message, bytes) => {
        agrees(message, Uint8Array.from(bytes));
      }),
      { numRuns: 5000 },
    );
  });

  it('nested without end are refused', () => {
    const txn = messages.find(({ name }) => name === 'etcdserverpb.TxnRequest')!;
    const nested = (levels: number): Uint8Array => {
      let bytes = Buffer.alloc(0);
      for (let i = 0; i < levels; i++) {
        // success { request_txn { ... } }
        for (const tag of [0x22, 0x12]) {
          const length = bytes.length;
          bytes = Buffer.concat(
            [[tag, (length & 0x7f) | 0x80, (length >> 7) | 0x80, length >> 14].map((b) => b & 0xff)]
              .map(Buffer.from)
              .concat(bytes),
          );
        }
      }
      return bytes;
    };
    expect(txn.ours.decode(nested(240))).toBeDefined();
    expect(() => txn.ours.decode(nested(260))).toThrow('messages nested deeper than 500');
    expect(() => txn.ours.decode(nested(5000))).toThrow('messages nested deeper than 500');
  });
});
