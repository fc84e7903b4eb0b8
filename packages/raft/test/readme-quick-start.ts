import { RaftDriver } from '@kontiki/raft';
import { MemoryDisk, MemoryHub } from '@kontiki/raft/testing';
import { systemClock, systemRandom } from '@kontiki/std/node';

const voters = [1n, 2n, 3n];
const hub = new MemoryHub();

/** One member: a replicated list of texts. An entry is 8 bytes of id, then a text. */
function member(id: bigint): { list: string[]; driver: RaftDriver<number> } {
  const list: string[] = [];
  const driver = RaftDriver.start<number>({
    raft: { id },
    confState: { voters, learners: [] },
    log: { entries: [] }, // what your LogWriter recovered
    applied: 0, // up to where your state machine is already
    writer: new MemoryDisk(),
    transport: hub.transport,
    stateMachine: {
      apply: (entries) =>
        entries.map(({ index, data }) => {
          if (data.length === 0) return { id: undefined, outcome: index }; // a new leader's own entry
          list.push(new TextDecoder().decode(data.subarray(8)));
          return { id: new DataView(data.buffer, data.byteOffset).getBigUint64(0), outcome: index };
        }),
      restore: async ({ data }) => {
        list.splice(0, list.length, ...(JSON.parse(new TextDecoder().decode(data)) as string[]));
      },
    },
    snapshots: {
      save: async () => {}, // nothing outlives this process
      capture: async () => new TextEncoder().encode(JSON.stringify(list)),
    },
    clock: systemClock,
    random: systemRandom,
    onFatal: (error) => console.error(error),
  });
  hub.attach(id, driver);
  return { list, driver };
}

const members = voters.map(member);
members[0]!.driver.campaign(); // or wait for an election timeout

let nextId = 0n;
async function append(at: (typeof members)[number], text: string): Promise<number> {
  const id = ++nextId;
  const data = new Uint8Array(8 + text.length);
  new DataView(data.buffer).setBigUint64(0, id);
  data.set(new TextEncoder().encode(text), 8);
  return at.driver.propose(id, data); // any member: it finds the leader
}

await append(members[1]!, 'hello');
await append(members[2]!, 'world');

// A linearizable read at any member: ask for an index, wait until it is applied there.
const index = await members[2]!.driver.readIndex();
await members[2]!.driver.applied.reached(index);
console.log(members[2]!.list.join(' ')); // hello world

for (const { driver } of members) await driver.stop();
