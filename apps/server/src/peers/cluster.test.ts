import { RaftDriver } from '@kontiki/raft';
import { MemoryDisk } from '@kontiki/raft/testing';
import { SeededRandom } from '@kontiki/std';
import { systemClock } from '@kontiki/std/node';
import { afterEach, expect, it } from 'vitest';
import type { SnapshotPort } from './context.js';
import { connected, introduce, LoopbackMember, until } from './testing/loopback.js';

const running: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()));
});

interface Replica {
  readonly member: LoopbackMember;
  readonly driver: RaftDriver<number>;
  readonly list: string[];
  failure: unknown;
  restored: number;
}

/** A replicated list; snapshots of it travel as files do. */
async function replica(id: bigint, seed: number): Promise<Replica> {
  const voters = [1n, 2n, 3n];
  const files = new Map<string, Uint8Array>();
  const name = (data: Uint8Array): string => Buffer.from(data).toString();
  const file = (json: unknown): Uint8Array => {
    const key = String(files.size);
    files.set(key, Buffer.from(JSON.stringify(json)));
    return Buffer.from(key);
  };
  const snapshots: SnapshotPort = {
    async open(data) {
      const bytes = files.get(name(data))!;
      return {
        sizeBytes: bytes.length,
        sha256: new Uint8Array(32),
        messageData: new Uint8Array(0),
        chunks: (async function* () {
          yield bytes;
        })(),
        release: async () => {},
      };
    },
    async receive(_message, body) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of body) chunks.push(chunk);
      return file(JSON.parse(Buffer.concat(chunks).toString()));
    },
  };
  const member = await LoopbackMember.start(id, {
    snapshots,
    reportUnreachable: (peer) => self.driver.reportUnreachable(peer),
    reportSnapshot: (peer, delivered) => self.driver.reportSnapshot(peer, delivered),
    reportGone: (peer) => self.driver.reportGone(peer),
    limits: { retryMs: 10, retryMaxMs: 50 },
  });
  member.onReceive = (message) => self.driver.receive(message);
  const list: string[] = [];
  const driver = RaftDriver.start<number>({
    raft: { id, electionTicks: 10, preVote: true, checkQuorum: true },
    confState: { voters, learners: [] },
    log: { entries: [] },
    applied: 0,
    tickMs: 20,
    writer: new MemoryDisk(),
    transport: member.transport,
    stateMachine: {
      apply: (entries) =>
        entries.map(({ index, data }) => {
          if (data.length === 0) return { id: undefined, outcome: index };
          const bytes = Buffer.from(data);
          list.push(bytes.subarray(8).toString());
          return { id: bytes.readBigUInt64BE(), outcome: index };
        }),
      restore: async ({ data }) => {
        self.restored++;
        list.splice(0, list.length, ...(JSON.parse(Buffer.from(files.get(name(data))!).toString()) as string[]));
      },
    },
    snapshots: { save: async () => {}, capture: async () => file(list) },
    snapshotEveryEntries: 50,
    catchUpEntries: 10,
    clock: systemClock,
    random: new SeededRandom(seed),
    onFatal: (error) => {
      self.failure = error;
    },
  });
  running.push(driver, member);
  const self: Replica = { member, driver, list, failure: undefined, restored: 0 };
  return self;
}

let nextId = 0n;
async function propose({ driver }: Replica, text: string): Promise<boolean> {
  const data = Buffer.alloc(8 + text.length, text, 'latin1');
  data.writeBigUInt64BE(++nextId);
  data.write(text, 8);
  return driver.propose(nextId, data).then(
    () => true,
    () => false,
  );
}

it('three drivers are a cluster over it: nothing acknowledged is lost, nothing happens twice', async () => {
  const replicas = await Promise.all([1n, 2n, 3n].map((id) => replica(id, Number(id))));
  const members = replicas.map(({ member }) => member);
  introduce(members);
  await connected(members);
  await until(() => replicas.some(({ driver }) => driver.status().role === 'leader'), 'a leader');
  const acknowledged: string[] = [];
  let sent = 0;
  for (let round = 0; round < 20; round++) {
    const texts = Array.from({ length: 30 }, () => `${sent++}`);
    const answers = Promise.all(texts.map((text, i) => propose(replicas[i % 3]!, text)));
    // Connections of one member break while work is under way.
    if (round % 2 === 1) members[round % 3]!.cut();
    for (const [i, done] of (await answers).entries()) if (done) acknowledged.push(texts[i]!);
  }
  expect(acknowledged.length).toBeGreaterThan(100);
  await connected(members);
  await until(() => new Set(replicas.map(({ list }) => list.join())).size === 1, 'equal lists');
  const { list } = replicas[0]!;
  expect(new Set(list).size).toBe(list.length);
  expect(acknowledged.filter((text) => !list.includes(text))).toEqual([]);
  expect(replicas.map(({ failure }) => failure)).toEqual([undefined, undefined, undefined]);
});

it('who was away for long gets a snapshot', async () => {
  const replicas = await Promise.all([1n, 2n, 3n].map((id) => replica(id, Number(id))));
  const [one, two, three] = replicas as [Replica, Replica, Replica];
  introduce([one.member, two.member]);
  await until(() => [one, two].some(({ driver }) => driver.status().role === 'leader'), 'a leader');
  for (let i = 0; i < 200; i++) expect(await propose(one, `${i}`)).toBe(true);
  introduce(replicas.map(({ member }) => member));
  await until(() => three.list.length === 200, 'the list at the one who was away');
  expect(three.list).toEqual(one.list);
  expect(three.restored).toBeGreaterThan(0);
});
