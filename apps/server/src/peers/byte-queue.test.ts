import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ByteQueue, readUint64, writeUint64 } from './byte-queue.js';

it('gives bytes back as they came, in pieces of any size', () =>
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 12 }), { maxLength: 12 }),
      fc.array(fc.oneof(fc.nat({ max: 30 }), fc.constant(8)), { maxLength: 20 }),
      (chunks, counts) => {
        const queue = new ByteQueue();
        let twin: number[] = [];
        const pushes = [...chunks];
        for (const count of counts) {
          const next = pushes.shift();
          if (next !== undefined) {
            queue.push(next);
            twin = [...twin, ...next];
          }
          if (count === 8) {
            const value = queue.takeUint64();
            expect(value).toBe(twin.length < 8 ? undefined : readUint64(Uint8Array.from(twin)));
            twin = twin.length < 8 ? twin : twin.slice(8);
            continue;
          }
          const taken = queue.take(count);
          if (count > twin.length) expect(taken).toBeUndefined();
          else {
            expect([...taken!]).toEqual(twin.slice(0, count));
            twin = twin.slice(count);
          }
          expect(queue.length).toBe(twin.length);
        }
        expect([...queue.drain()]).toEqual(twin);
        expect(queue.length).toBe(0);
      },
    ),
  ));

it('writes numbers of 8 bytes, big end first', () => {
  const bytes = new Uint8Array(10);
  writeUint64(bytes, 1, 0x1234_5678_9abc);
  expect(Buffer.from(bytes).toString('hex')).toBe('000000123456789abc00');
  expect([readUint64(bytes, 1), readUint64(bytes.subarray(1))]).toEqual([0x1234_5678_9abc, 0x1234_5678_9abc]);
  expect(readUint64(new Uint8Array(8).fill(0xff))).toBeGreaterThan(Number.MAX_SAFE_INTEGER);
});
