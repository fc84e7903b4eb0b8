import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { BlockPool, Output } from './output.js';

const step = fc.oneof(
  fc.record({ kind: fc.constant('write' as const), bytes: fc.oneof(fc.nat(100), fc.nat(20_000)) }),
  fc.record({ kind: fc.constant('pass' as const), bytes: fc.nat(100) }),
  fc.record({ kind: fc.constant('take' as const), bytes: fc.constant(0) }),
);

it('gives back what was put in, in order, blocks used again', () =>
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const pool = new BlockPool(4);
      const output = new Output(pool);
      const expected: Buffer[] = [];
      const got: Buffer[] = [];
      let fill = 0;
      const take = (): void => {
        const bytes = output.bytes;
        const batch = output.take();
        got.push(...batch.chunks.map((chunk) => Buffer.from(chunk)));
        expect(batch.bytes).toBe(bytes);
        expect(batch.chunks.reduce((sum, { length }) => sum + length, 0)).toBe(bytes);
        expect(output.bytes).toBe(0);
        for (const block of batch.blocks) pool.give(block);
      };
      for (const { kind, bytes } of steps) {
        const piece = Buffer.alloc(bytes, ++fill);
        if (kind === 'take') take();
        else {
          expected.push(piece);
          if (kind === 'pass') output.pass(piece);
          else {
            // Room may be asked for that is not used.
            const at = output.reserve(bytes + (fill % 50));
            output.block.set(piece, at);
            output.at = at + bytes;
          }
        }
      }
      take();
      expect(Buffer.concat(got).equals(Buffer.concat(expected))).toBe(true);
    }),
  ));

it('keeps no more blocks than it may', () => {
  const pool = new BlockPool(1);
  const [first, second] = [pool.take(1), pool.take(1)];
  pool.give(first);
  pool.give(second);
  expect(pool.take(1)).toBe(first);
  expect(pool.take(1)).not.toBe(second);
  expect(pool.take(100_000).length).toBe(100_000);
});
