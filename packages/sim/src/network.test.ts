import { expect, it } from 'vitest';
import { GOOD_LINK, type LinkQuality, type SimNetwork } from './network.js';
import { World } from './world.js';

function attached(seed = 1): {
  world: World<string, number>;
  network: SimNetwork<string, number>;
  got: number[];
} {
  const world = new World<string, number>({ seed, turn: setImmediate });
  const got: number[] = [];
  world.network.attach('b', world.machine('b').boot().life, (message) => got.push(message));
  return { world, network: world.network, got };
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

it('carries messages to whoever is attached, within the delay', async () => {
  const { world, network, got } = attached();
  network.quality = { ...GOOD_LINK, delayMs: { min: 5, max: 9 } };
  network.send('a', 'b', 1);
  network.send('a', 'nobody', 2);
  await world.run(4.9);
  expect(got).toEqual([]);
  await world.run(10);
  expect(got).toEqual([1]);
  expect([network.delivered, network.lost]).toEqual([1, 1]);
});

it('loses and doubles as many as it should, never one that must arrive once', async () => {
  const { world, network, got } = attached();
  network.quality = { ...GOOD_LINK, lossPerMille: 300, duplicatePerMille: 200 };
  for (const n of numbers(2_000)) network.send('a', 'b', n);
  for (const n of numbers(500)) network.send('a', 'b', -1 - n, { once: true });
  await world.run(100);
  const doubled = got.length - new Set(got).size;
  expect(new Set(got.filter((n) => n >= 0)).size).toBeGreaterThan(1_300);
  expect(new Set(got.filter((n) => n >= 0)).size).toBeLessThan(1_500);
  expect(doubled).toBeGreaterThan(150);
  const once = got.filter((n) => n < 0);
  expect(new Set(once).size).toBe(once.length);
});

it('reorders unless the link is a stream', async () => {
  for (const ordered of [false, true]) {
    const { world, network, got } = attached();
    const quality: LinkQuality = { ...GOOD_LINK, slowPerMille: 100, ordered };
    network.setQuality('a', 'b', quality);
    for (const n of numbers(200)) network.send('a', 'b', n);
    await world.run(100);
    expect([...got].sort((x, y) => x - y)).toEqual(numbers(200));
    expect(got.every((n, i) => n === i)).toBe(ordered);
  }
});

it('cuts single directions, what is on its way included, until it heals', async () => {
  const { world, network, got } = attached();
  const heard: number[] = [];
  network.attach('a', world.machine('a').boot().life, (message) => heard.push(message));
  network.send('a', 'b', 1);
  network.cut('a', 'b');
  network.send('a', 'b', 2);
  network.send('b', 'a', 3);
  expect([network.isCut('a', 'b'), network.isCut('b', 'a')]).toEqual([true, false]);
  await world.run(100);
  expect([got, heard]).toEqual([[], [3]]);
  network.heal();
  network.send('a', 'b', 4);
  await world.run(200);
  expect(got).toEqual([4]);
});

it('parts groups from each other, not those within', () => {
  const { network } = attached();
  network.partition(['a', 'b'], ['c'], ['d']);
  const cut = (from: string, to: string): boolean => network.isCut(from, to) && network.isCut(to, from);
  expect([cut('a', 'c'), cut('b', 'd'), cut('c', 'd'), cut('a', 'b')]).toEqual([true, true, true, false]);
});

it('tells the outcome once: arrived, lost on the way, or nobody there', async () => {
  const { world, network } = attached();
  const outcomes: [string, boolean][] = [];
  const send = (name: string, to: string): void => {
    network.send('a', to, 0, { onOutcome: (delivered) => outcomes.push([name, delivered]) });
  };
  network.quality = { ...GOOD_LINK, duplicatePerMille: 1_000 };
  send('arrives', 'b');
  network.loses = (_, __, message) => message === 0;
  send('is lost', 'b');
  network.loses = () => false;
  send('finds nobody', 'c');
  await world.run(100);
  expect(outcomes.sort()).toEqual([
    ['arrives', true],
    ['finds nobody', false],
    ['is lost', false],
  ]);
});

it('brings what was sent to a process to the one that lives there when it arrives', async () => {
  const world = new World<string, number>({ seed: 1, turn: setImmediate });
  const machine = world.machine('b');
  const got: string[] = [];
  world.network.quality = { ...GOOD_LINK, delayMs: { min: 10, max: 10 } };
  world.network.attach('b', machine.boot().life, (n) => got.push(`first ${n}`));
  world.network.send('a', 'b', 1);
  machine.kill();
  world.network.attach('b', machine.boot().life, (n) => got.push(`second ${n}`));
  await world.run(100);
  expect(got).toEqual(['second 1']);
});
