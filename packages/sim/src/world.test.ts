import type { Clock } from '@kontiki/std';
import { expect, expectTypeOf, it } from 'vitest';
import type { SimClock } from './clock.js';
import { World } from './world.js';

const world = (seed = 1): World<string, string> => new World({ seed, turn: setImmediate });

it('moves time from event to event, in order', async () => {
  const w = world();
  const seen: string[] = [];
  const { clock } = w.machine('a').boot();
  clock.after(20, () => seen.push(`b ${w.nowMs}`));
  clock.after(10, () => seen.push(`a ${w.nowMs}`));
  clock.after(31, () => seen.push('too late'));
  await w.run(30);
  expect(seen).toEqual(['a 10', 'b 20']);
  expect(w.nowMs).toBe(30);
  expect(w.events).toBe(2);
});

it('lets everything an event began go as far as it gets before the next', async () => {
  const w = world();
  const seen: string[] = [];
  const { clock } = w.machine('a').boot();
  clock.after(1, async () => {
    for (let i = 0; i < 100; i++) await undefined;
    seen.push('first, to its end');
  });
  clock.after(1, () => seen.push('second'));
  await w.run(2);
  expect(seen).toEqual(['first, to its end', 'second']);
});

it('stops where it is told to, and goes on from there', async () => {
  const w = world();
  let ticks = 0;
  w.machine('a')
    .boot()
    .clock.every(10, () => ticks++);
  await w.run(1_000, () => ticks === 3);
  expect(w.nowMs).toBe(30);
  expect(await w.step()).toBe(true);
  expect(ticks).toBe(4);
});

it('rejects with what an event threw, and what it was told of', async () => {
  const thrown = world();
  thrown.timeline.after(1, () => {
    throw new Error('broken');
  });
  await expect(thrown.run(2)).rejects.toThrow('broken');
  const told = world();
  told.timeline.after(1, () => {
    told.fail(new Error('seen'));
    told.fail(new Error('seen later'));
  });
  await expect(told.run(2)).rejects.toThrow('seen');
});

it('takes no seed that is none', () => {
  for (const seed of [-1, 0.5, 2 ** 32, Number.NaN]) expect(() => world(seed)).toThrow('no seed');
});

it('gives each machine and process chance of its own: asking more often changes nothing for others', () => {
  const draws = (extra: number): number[] => {
    const w = world(7);
    const a = w.machine('a').boot();
    for (let i = 0; i < extra; i++) a.random.int(10);
    const b = w.machine('b').boot();
    return [w.random.int(1e9), b.random.int(1e9)];
  };
  expect(draws(5)).toEqual(draws(0));
});

it('fills the port of a clock', () => {
  expectTypeOf<SimClock>().toExtend<Clock>();
});

it('runs a clock fast or slow, and moves its wall time alone', async () => {
  const w = world();
  const { clock } = w.machine('a').boot();
  const wall = clock.now();
  clock.drift(2);
  let rang = 0;
  clock.after(100, () => {
    rang = w.nowMs;
  });
  await w.run(200);
  expect(rang).toBe(50);
  expect(clock.monotonic()).toBe(400);
  clock.jump(-1_000);
  expect(clock.now()).toBe(wall + 200 - 1_000);
  clock.drift(1);
  await w.run(300);
  expect(clock.monotonic()).toBe(500);
});

it('cancels timers, also from within', async () => {
  const w = world();
  const { clock } = w.machine('a').boot();
  let ticks = 0;
  const timer = clock.every(10, () => {
    if (++ticks === 2) timer.cancel();
  });
  clock.after(5, () => ticks++).cancel();
  await w.run(100);
  expect(ticks).toBe(2);
});

it('ends a process for good: timers, turns, messages', async () => {
  const w = world();
  const machine = w.machine('a');
  const { clock, life, scheduler } = machine.boot();
  const seen: string[] = [];
  clock.every(10, () => seen.push('tick'));
  w.network.attach('a', life, (text) => seen.push(text));
  w.timeline.after(15, () => {
    w.network.send('b', 'a', 'never');
    scheduler.soon(() => seen.push('never'));
    machine.kill();
    expect(machine.process).toBeUndefined();
  });
  await w.run(100);
  expect(seen).toEqual(['tick']);
  // Another one may start, and its clock goes on; after a power cut it begins anew.
  expect(machine.boot().clock.monotonic()).toBe(100);
  expect(() => machine.boot()).toThrow('runs already');
  machine.powerCut();
  expect(machine.boot().clock.monotonic()).toBe(0);
});

it('lets a process stand still: afterwards everything comes in the order it would have', async () => {
  const w = world();
  const machine = w.machine('a');
  const { clock, life } = machine.boot();
  const seen: string[] = [];
  w.network.attach('a', life, (text) => seen.push(`${text} ${w.nowMs}`));
  clock.after(10, () => seen.push(`first ${w.nowMs}`));
  clock.after(20, () => seen.push(`second ${w.nowMs}`));
  machine.pause(100);
  w.network.send('b', 'a', 'message');
  await w.run(200);
  expect(seen).toEqual(['message 100', 'first 100', 'second 100']);
});
