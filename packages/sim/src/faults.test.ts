import { describe, expect, it } from 'vitest';
import { type FaultKind, Faults, type Victim } from './faults.js';
import { World } from './world.js';

/** Three machines with a process that does nothing but tick and write. */
function troubled(seed: number, kinds?: readonly FaultKind[]) {
  const world = new World<string, string>({ seed, turn: setImmediate });
  const counts = { starts: 0, ends: 0, ticks: 0, heard: 0, failedSyncs: 0, full: 0 };
  const victims = ['a', 'b', 'c'].map((address): Victim<string> => {
    const machine = world.machine(address);
    const start = (): void => {
      counts.starts++;
      const { clock, life, fileSystem } = machine.boot();
      world.network.attach(address, life, () => counts.heard++);
      clock.every(20, async () => {
        counts.ticks++;
        for (const to of ['a', 'b', 'c']) if (to !== address) world.network.send(address, to, 'hello');
        const path = `/${counts.ticks}`;
        try {
          const file = await fileSystem.open(path, 'create');
          await file.write([new Uint8Array(100)], 0);
          await file.datasync();
        } catch (error) {
          const { code } = error as { code?: string };
          if (code === 'EIO') counts.failedSyncs++;
          else if (code === 'ENOSPC') counts.full++;
          else world.fail(error);
        }
      });
    };
    start();
    return { address, machine, start, ended: () => counts.ends++ };
  });
  const faults = new Faults(world, () => victims, {
    everyMs: { min: 50, max: 500 },
    lastsMs: { min: 5, max: 300 },
    ...(kinds !== undefined && { kinds, all: true }),
  });
  return { world, victims, faults, counts };
}

const run = async (seed: number, kinds?: readonly FaultKind[]) => {
  const made = troubled(seed, kinds);
  made.faults.start();
  await made.world.run(5_000);
  return made;
};

describe('faults', () => {
  it('differ in kinds from seed to seed, and are the same for the same seed', async () => {
    const plans = Array.from({ length: 30 }, (_, seed) => [...troubled(seed).faults.plan.keys()].join());
    expect(new Set(plans).size).toBeGreaterThan(20);
    const hashes = [await run(3), await run(3), await run(4)].map(({ world }) => world.trace.hash);
    expect(hashes[0]).toBe(hashes[1]);
    expect(hashes[0]).not.toBe(hashes[2]);
  });

  it('end processes and start them again', async () => {
    for (const kind of ['kill', 'powerCut', 'blackout', 'trap'] as const) {
      const { counts, faults, victims } = await run(1, [kind]);
      expect(counts.ends).toBeGreaterThan(3);
      faults.stop();
      expect(counts.starts).toBe(3 + counts.ends);
      expect(victims.every(({ machine }) => machine.process !== undefined)).toBe(true);
    }
  });

  it('break links, disks and clocks', async () => {
    const quiet = (await run(1, [])).counts;
    for (const kind of ['partition', 'isolate', 'oneWay', 'pause'] as const) {
      expect((await run(1, [kind])).counts.heard).toBeLessThan(quiet.heard);
    }
    const { world } = await run(1, ['lossy']);
    expect(world.network.lost).toBeGreaterThan(0);
    expect((await run(1, ['failSync'])).counts.failedSyncs).toBeGreaterThan(0);
    let full = 0;
    for (let seed = 0; seed < 5; seed++) full += (await run(seed, ['fullDisk'])).counts.full;
    expect(full).toBeGreaterThan(0);
    expect((await run(1, ['clock'])).counts.ticks).not.toBe(quiet.ticks);
    const slow = ['slowNetwork', 'slowDisk'] as const;
    for (const kind of slow) {
      const steps = (await run(1, [kind])).world.trace.lines();
      expect(steps.some((line) => line.includes(kind))).toBe(true);
    }
  });

  it('come to a favourite more often, and where they are told to', async () => {
    const { world, victims, faults } = troubled(1, ['pause']);
    const [, b] = victims;
    const liked = new Faults(world, () => victims, { kinds: ['pause'], all: true, favourite: () => b });
    liked.start();
    await world.run(200_000);
    const paused = (name: string): number =>
      world.trace.lines().filter((line) => /pause +(\w)/.exec(line)?.[1] === name).length;
    expect(paused('b')).toBeGreaterThan(paused('a') + paused('c'));
    faults.strike('kill', b!);
    expect(b!.machine.process).toBeUndefined();
    faults.stop();
    expect(b!.machine.process).toBeDefined();
    faults.strike('kill', b!);
    expect(b!.machine.process).toBeDefined();
  });

  it('stop: whatever the seed brought, the world is whole afterwards', async () => {
    for (let seed = 0; seed < 10; seed++) {
      const { world, faults, victims, counts } = await run(seed);
      faults.stop();
      // Processes that stand still do so for a while yet.
      await world.run(world.nowMs + 1_000);
      const before = { ...counts, lost: world.network.lost };
      await world.run(world.nowMs + 1_000);
      expect(counts).toMatchObject({ ends: before.ends, failedSyncs: before.failedSyncs, full: before.full });
      expect(world.network.lost).toBe(before.lost);
      expect(victims.every(({ machine }) => machine.process !== undefined)).toBe(true);
      expect(counts.ticks - before.ticks).toBeGreaterThanOrEqual(100);
    }
  });
});
