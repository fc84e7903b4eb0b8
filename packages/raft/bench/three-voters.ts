/** Proposals a second through three drivers in one process: 1000 in flight at the leader, 256 B each. */
import { SeededRandom } from '@kontiki/std';
import { systemClock } from '@kontiki/std/node';
import { RaftDriver } from '../src/index.js';
import { MemoryDisk, MemoryHub } from '../src/testing/index.js';

const IN_FLIGHT = 1000;
const SECONDS = Number(process.argv[2] ?? 5);
const voters = [1n, 2n, 3n];
const hub = new MemoryHub();
const drivers = voters.map((id) => {
  const driver = RaftDriver.start<number>({
    raft: { id },
    confState: { voters, learners: [] },
    log: { entries: [] },
    applied: 0,
    writer: new MemoryDisk(),
    transport: hub.transport,
    stateMachine: {
      apply: (entries) =>
        entries.map(({ index, data }) => ({
          id: data.length === 0 ? undefined : new DataView(data.buffer, data.byteOffset).getBigUint64(0),
          outcome: index,
        })),
      restore: async () => {},
    },
    snapshots: { save: async () => {}, capture: async () => new Uint8Array(0) },
    clock: systemClock,
    random: new SeededRandom(Number(id)),
    onFatal: (error) => {
      console.error(error);
      process.exit(1);
    },
  });
  hub.attach(id, driver);
  return driver;
});
const leader = drivers[0]!;
leader.campaign();

let id = 0n;
let done = 0;
let over = false;
async function client(): Promise<void> {
  while (!over) {
    const data = new Uint8Array(256);
    new DataView(data.buffer).setBigUint64(0, ++id);
    await leader.propose(id, data);
    done++;
  }
}
const clients = Array.from({ length: IN_FLIGHT }, client);
await new Promise((resolve) => setTimeout(resolve, 1000));
const before = { done, at: performance.now(), cpu: process.cpuUsage() };
await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
const count = done - before.done;
const cpu = process.cpuUsage(before.cpu);
console.log({
  perSecond: Math.round((count / (performance.now() - before.at)) * 1000),
  cpuMicrosEach: (cpu.user + cpu.system) / count,
});
over = true;
await Promise.all(clients);
for (const driver of drivers) await driver.stop();
