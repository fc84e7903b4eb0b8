/**
 * A member that is alone ends at every single call of its disk: founding its log, writing, cutting segments, saving
 * states, releasing what is behind them; and then once more while it recovers.
 */
import type { Message, NodeId } from '@kontiki/raft';
import { World } from '@kontiki/sim';
import { expect, it } from 'vitest';
import { Checks } from '../../src/checks/checks.js';
import { Client } from '../../src/client.js';
import { Cluster } from '../../src/cluster.js';
import { drawSettings } from '../../src/settings.js';

const WRITES = 25;

/** @returns whether the member lived to make so many calls */
async function endAt(call: number, how: 'kill' | 'powerCut', again: number): Promise<boolean> {
  const world = new World<NodeId, Message>({ seed: call, turn: setImmediate, traceLimit: 0 });
  const checks = new Checks((violation) => world.fail(violation));
  const settings = { ...drawSettings(world.random), segmentBytes: 1024, maxSegments: 1, snapshotEveryEntries: 4 };
  const cluster = new Cluster({ world, settings, checks, wrapping: {}, size: 1 });
  const [member] = cluster.present;
  const { machine } = member!;
  let ends = 0;
  const trap = (calls: number): void => {
    machine.disk.trap(calls, () => {
      machine[how]();
      member!.ended();
      if (++ends === 1 && again > 0) trap(again);
      world.timeline.after(1, () => member!.start());
    });
  };
  trap(call);
  let id = 1n;
  const client = new Client({
    world,
    cluster,
    checks,
    nextId: () => id++,
    timeoutMs: 10_000,
    thinkMs: 1,
    readsPerMille: 200,
    paddingBytes: 60,
  });
  client.start();
  await world.run(60_000, () => checks.calls.writes >= WRITES);
  expect(checks.calls.writes).toBeGreaterThanOrEqual(WRITES);
  client.stop();
  machine.powerCut();
  member!.ended();
  member!.start();
  // Everything that was acknowledged is applied again.
  await world.run(world.nowMs + 10_000, () => member!.state?.index === checks.committed.last && client.pending === 0);
  expect(member!.state?.index).toBe(checks.committed.last);
  machine.kill();
  return ends > 0;
}

it.each(['kill', 'powerCut'] as const)('survives a %s at every call of the disk', async (how) => {
  let call = 1;
  while (await endAt(call, how, 0)) call++;
  // Founding alone takes dozens of calls.
  expect(call).toBeGreaterThan(150);
});

it('survives a second one at every call of the recovery from the first', async () => {
  for (const call of [3, 40, 97]) {
    for (let again = 1; again <= 40; again++) expect(await endAt(call, 'powerCut', again)).toBe(true);
  }
});
