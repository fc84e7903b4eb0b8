import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryMessage } from '../support/arbitrary.js';
import { messages, plain } from '../support/schema.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Messages of proto3 whose zeros we write, as peers do; protobufjs leaves them out, also when it writes ours again. */
const ZEROS = ['etcdserverpb.Metadata', 'etcdserverpb.Request', 'etcdserverpb.InternalRaftRequest'];

describe('what protobufjs writes', () => {
  it.each(messages)('$name is read the same and written back byte for byte', ({ name, type, ours }) => {
    fc.assert(
      fc.property(arbitraryMessage(type), (fields) => {
        const bytes = Uint8Array.from(type.encode(type.create(fields)).finish());
        const message = ours.decode(bytes);
        expect(message).toEqual(plain(type.decode(bytes)));
        const again = ours.encode(message).finish();
        expect(hex(ZEROS.includes(name) ? type.encode(type.decode(again)).finish() : again)).toBe(hex(bytes));
      }),
      { numRuns: 30 },
    );
  });
});
