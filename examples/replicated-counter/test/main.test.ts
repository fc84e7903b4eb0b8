import { MemoryHub, type Receiver } from '@kontiki/raft/testing';
import { expect, it } from 'vitest';
import { Counter } from '../src/counter.js';
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

/** Remembers who was attached, so that one can be out of reach for a while. */
class Hub extends MemoryHub {
  readonly receivers: Map<bigint, Receiver> = new Map();

  override attach(id: bigint, receiver: Receiver): void {
    this.receivers.set(id, receiver);
    super.attach(id, receiver);
  }
}

it('counts once what was counted before the answer got lost', async () => {
  const hub = new Hub();
  const [one, two, three] = [new Counter(1n, hub), new Counter(2n, hub), new Counter(3n, hub)];
  expect(await two.add(1)).toBe(1);
  // What it says is heard, and it hears nothing.
  hub.detach(2n);
  const sum = two.add(10);
  while ((await three.read()) < 11);
  await one.stop();
  hub.attach(2n, hub.receivers.get(2n)!);
  expect(await sum).toBe(11);
  expect(await two.add(100)).toBe(111);
  await Promise.all([two.stop(), three.stop()]);
});
