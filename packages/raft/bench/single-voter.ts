/** Proposals a second through the driver alone: one voter, a writer that resolves next tick, 1000 in flight, 256 B each. */
import { SeededRandom } from '@kontiki/std';
import { systemClock } from '@kontiki/std/node';
import { type Applied, type Entry, RaftDriver } from '../src/index.js';

const IN_FLIGHT = 1000;
const SECONDS = Number(process.argv[2] ?? 5);
let applyCalls = 0;
let appendCalls = 0;

const driver = RaftDriver.start<number>({
  raft: { id: 1n },
  confState: { voters: [1n], learners: [] },
  log: { entries: [] },
  applied: 0,
  writer: {
    append: () => {
      appendCalls++;
      return new Promise((resolve) => setImmediate(resolve));
    },
  },
  transport: { send: () => {} },
  stateMachine: {
    apply(entries: readonly Entry[]): readonly Applied<number>[] {
      applyCalls++;
      return entries.map(({ index, data }) => ({
        id: data.length === 0 ? undefined : new DataView(data.buffer, data.byteOffset).getBigUint64(0),
        outcome: index,
      }));
    },
    restore: async () => {},
  },
  snapshots: { save: async () => {}, capture: async () => new Uint8Array(0) },
  clock: systemClock,
  random: new SeededRandom(1),
  onFatal: (error) => {
    console.error(error);
    process.exit(1);
  },
});
driver.campaign();

let id = 0n;
let done = 0;
let over = false;
async function client(): Promise<void> {
  while (!over) {
    const data = new Uint8Array(256);
    new DataView(data.buffer).setBigUint64(0, ++id);
    await driver.propose(id, data);
    done++;
  }
}
const clients = Array.from({ length: IN_FLIGHT }, client);
await new Promise((resolve) => setTimeout(resolve, 1000));
const before = { done, cpu: process.cpuUsage(), at: performance.now(), applyCalls, appendCalls };
await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
const cpu = process.cpuUsage(before.cpu);
const count = done - before.done;
console.log({
  perSecond: Math.round((count / (performance.now() - before.at)) * 1000),
  cpuMicrosEach: (cpu.user + cpu.system) / count,
  entriesPerAppend: count / (appendCalls - before.appendCalls),
  entriesPerApply: count / (applyCalls - before.applyCalls),
});
over = true;
await Promise.all(clients);
await driver.stop();
