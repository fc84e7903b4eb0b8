import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Watermark } from './watermark.js';

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

type Step = ['raise' | 'reached', number] | ['fail'];
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant('raise' as const), fc.nat(20)) },
  { weight: 8, arbitrary: fc.tuple(fc.constant('reached' as const), fc.nat(20)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('fail' as const)) },
);

describe('Watermark', () => {
  it('wakes whom a list of waiters, searched each time, would wake, and in that order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.nat(5), async (steps, start) => {
        const mark = new Watermark(start);
        const heard: string[] = [];
        const expected: string[] = [];
        let value = start;
        let failed: string | undefined;
        let waiters: { target: number; name: string }[] = [];
        for (const [i, [kind, number]] of steps.entries()) {
          const name = `#${i}`;
          if (kind === 'raise') {
            mark.raise(number);
            value = Math.max(value, number);
            const woken = waiters.filter(({ target }) => target <= value);
            for (const each of woken.sort((a, b) => a.target - b.target)) expected.push(each.name);
            waiters = waiters.filter(({ target }) => target > value);
          } else if (kind === 'reached') {
            mark.reached(number).then(
              () => heard.push(name),
              (error) => heard.push(`${name} ${error}`),
            );
            if (number <= value) expected.push(name);
            else if (failed !== undefined) expected.push(`${name} ${failed}`);
            else waiters.push({ target: number, name });
          } else {
            mark.fail(name);
            failed ??= name;
            for (const each of waiters.sort((a, b) => a.target - b.target)) expected.push(`${each.name} ${name}`);
            waiters = [];
          }
          await tick();
          expect(mark.value).toBe(value);
          expect(heard).toEqual(expected);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('wakes those who wait for the same in the order they came', async () => {
    const mark = new Watermark();
    const heard: string[] = [];
    for (const name of ['a', 'b', 'c']) mark.reached(5).then(() => heard.push(name));
    mark.reached(4).then(() => heard.push('sooner'));
    mark.raise(5);
    await tick();
    expect(heard).toEqual(['sooner', 'a', 'b', 'c']);
  });

  it('tells its first failure to all, also when that is undefined', async () => {
    const mark = new Watermark();
    const waiting = mark.reached(1);
    mark.fail(undefined);
    mark.fail(new Error('second'));
    await expect(waiting).rejects.toBeUndefined();
    await expect(mark.reached(2)).rejects.toBeUndefined();
    await mark.reached(0);
  });
});
