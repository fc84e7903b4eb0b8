import { expect, it } from 'vitest';
import { run } from '../src/main.js';

it('agrees on the number, also when the leader is gone', async () => {
  const lines: string[] = [];
  await run((line) => lines.push(line));
  expect(lines).toEqual([
    'one adds 1: 1',
    'two adds 10: 11',
    'three reads 11',
    'without one, two adds 100: 111',
    'three adds 1 a thousand times, all at once: 1111',
    'two reads 1111',
  ]);
});
