import { assert, SeededRandom, toLatin1 } from '@kontiki/std';
import type { RaftOptions } from '../../src/index.js';
import { allInvariants } from '../../src/testing/invariants/all.js';
import { StateMachineSafety } from '../../src/testing/invariants/state-machine-safety.js';
import { type Member, viewOf } from '../../src/testing/member.js';
import { Network } from '../../src/testing/network.js';

/** What one seed does to a cluster, and the properties that must hold after every step. */
export class Schedule {
  readonly random: SeededRandom;
  readonly network: Network;
  readonly #invariants = allInvariants();
  readonly #perEntry = new StateMachineSafety();
  /** Reads under way: what was committed anywhere when they were asked. */
  readonly #asked = new Map<string, number>();
  #highestCommit = 0;
  #sequence = 0;
  readonly counts = { answeredReads: 0, leaders: new Set<number>(), restarts: 0, snapshots: 0 };

  constructor(seed: number, size: number, raft: Partial<RaftOptions>) {
    this.random = new SeededRandom(seed);
    const voters = Array.from({ length: size }, (_, i) => BigInt(i + 1));
    this.network = new Network({
      confState: { voters, learners: [] },
      random: this.random.split(),
      raft: {
        electionTicks: 5,
        maxMessageBytes: 100,
        maxInflightBytes: 300,
        maxInflightMessages: 3,
        maxApplyBytes: 100,
        ...raft,
      },
      onApplied: (member) => this.#perEntry.see(member.id, member.applied, member.digest),
    });
    this.network.onDeliver = ({ type }) => {
      if (type === 'snapshot') this.counts.snapshots++;
    };
  }

  pick<T>(items: readonly T[]): T {
    return items[this.random.int(items.length)]!;
  }

  step(): void {
    const { network, random } = this;
    const { inFlight } = network;
    const dice = random.int(1000);
    if (dice < 450) {
      if (inFlight.length > 0) network.deliver(random.int(4) > 0 ? 0 : random.int(inFlight.length));
    } else if (dice < 470) {
      if (inFlight.length > 0) network.drop(random.int(inFlight.length));
    } else if (dice < 485) {
      if (inFlight.length > 0) network.duplicate(random.int(inFlight.length));
    } else if (dice < 625) this.someMember((member) => member.writes.length > 0 && member.write());
    else if (dice < 725) this.someMember((member) => member.applications.length > 0 && member.apply());
    else if (dice < 855) this.someMember((member) => member.node.tick());
    else if (dice < 905)
      this.someMember((member) => member.node.propose([Uint8Array.of(this.#sequence++ & 255, random.int(256))]));
    else if (dice < 953) this.someMember((member) => this.read(member));
    else if (dice < 963) this.someMember((member) => member.compact(random.int(4)));
    else if (dice < 975) this.crashOrRestart();
    else if (dice < 982) network.isolate(...[...network.members.keys()].filter(() => random.int(2) === 0));
    else if (dice < 986)
      network.cutWire(this.pick([...network.members.keys()]), this.pick([...network.members.keys()]));
    else network.heal();
    for (const member of network.running) member.pump();
    this.check();
  }

  someMember(action: (member: Member) => unknown): void {
    const { running } = this.network;
    if (running.length > 0) action(this.pick(running));
  }

  crashOrRestart(): void {
    const member = this.pick([...this.network.members.values()]);
    if (member.up) member.crash();
    else {
      member.restart();
      this.counts.restarts++;
    }
  }

  read(member: Member): void {
    const context = new Uint8Array(9);
    new DataView(context.buffer).setUint32(0, ++this.#sequence);
    if (member.node.readIndex(context)) this.#asked.set(toLatin1(context), this.#highestCommit);
  }

  check(): void {
    const views = this.network.running.map(viewOf);
    for (const invariant of this.#invariants) invariant.check(views);
    for (const { commit, role, term } of views) {
      this.#highestCommit = Math.max(this.#highestCommit, commit);
      if (role === 'leader') this.counts.leaders.add(term);
    }
    for (const { reads } of this.network.running) {
      for (const { context, index } of reads.splice(0)) {
        const committed = this.#asked.get(toLatin1(context));
        assert(committed !== undefined, 'a read was answered that nobody asked');
        assert(
          index >= committed,
          `a read at ${index} misses what was committed up to ${committed} before it was asked`,
        );
        this.counts.answeredReads++;
      }
    }
  }

  /** Trouble ends: everybody is up, wires are whole. Then a leader must be found and all must agree. */
  heal(): void {
    this.network.heal();
    for (const member of this.network.members.values()) if (!member.up) member.restart();
    for (let round = 0; round < 400; round++) {
      for (const member of this.network.running) member.node.tick();
      this.network.settle();
      this.check();
      const views = this.network.running.map(viewOf);
      const leader = views.find(({ role }) => role === 'leader');
      if (leader === undefined) continue;
      if (views.every(({ applied }) => applied === leader.last && applied === leader.commit)) return;
    }
    throw new Error(
      `no agreement after the trouble: ${JSON.stringify(
        this.network.running.map((m) => m.node.status()),
        (_, v) => (typeof v === 'bigint' ? Number(v) : v),
      )}`,
    );
  }
}

export function run(seed: number, size: number, steps: number, raft: Partial<RaftOptions> = {}): Schedule {
  const schedule = new Schedule(seed, size, raft);
  for (let i = 0; i < steps; i++) schedule.step();
  schedule.heal();
  const { network } = schedule;
  const leader = network.running.find(({ node }) => node.status().role === 'leader')!;
  const before = leader.applied;
  leader.node.propose([Uint8Array.of(1)]);
  network.settle();
  for (let i = 0; i < 3; i++) for (const member of network.running) network.tick(member.id);
  for (const { id, applied } of network.running) assert(applied === before + 1, `${id} applied up to ${applied}`);
  schedule.check();
  return schedule;
}
