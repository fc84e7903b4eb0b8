import { expect, it } from 'vitest';
import { Trace } from './trace.js';

function traced(steps: readonly (readonly [number, string, ...(string | number | bigint)[]])[], limit?: number): Trace {
  const trace = new Trace(limit);
  for (const [atMs, kind, ...details] of steps) trace.record(atMs, kind, ...details);
  return trace;
}

it('has the same hash for the same steps, whatever is kept of them', () => {
  const steps = [
    [0.5, 'send', 1n, 'x'],
    [1, 'kill', 'a'],
  ] as const;
  expect(traced(steps, 0).hash).toBe(traced(steps).hash);
  expect(traced(steps).hash).toMatch(/^[0-9a-f]{16}$/);
});

it('has another hash when anything is different: time, kind, detail, order, count', () => {
  const variants = [
    [[1, 'kill', 'a', 2]],
    [[1.001, 'kill', 'a', 2]],
    [[1, 'start', 'a', 2]],
    [[1, 'kill', 'b', 2]],
    [[1, 'kill', 'a', 3]],
    [[1, 'kill', 2, 'a']],
    [[1, 'kill', 'a', 2 ** 40]],
    [
      [1, 'kill', 'a', 2],
      [1, 'kill', 'a', 2],
    ],
    [
      [1, 'kill', 'a', 2],
      [2, 'kill', 'b', 2],
    ],
    [
      [2, 'kill', 'b', 2],
      [1, 'kill', 'a', 2],
    ],
  ] as const;
  const hashes = variants.map((steps) => traced(steps as never).hash);
  expect(new Set(hashes).size).toBe(variants.length);
});

it('keeps the last steps, oldest first', () => {
  const trace = traced(
    [1, 2, 3, 4, 5].map((at) => [at, 'step', at] as const),
    3,
  );
  expect(trace.count).toBe(5);
  expect(trace.lines().map((line) => line.trim().replace(/ +/g, ' '))).toEqual([
    '3.000 step 3',
    '4.000 step 4',
    '5.000 step 5',
  ]);
});
