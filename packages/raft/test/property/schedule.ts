import { assert, SeededRandom, toLatin1 } from '@kontiki/std';
import { RaftError, type RaftOptions } from '../../src/index.js';
import { describeConfState } from '../../src/testing/describe.js';
import { allInvariants } from '../../src/testing/invariants/all.js';
import type { MemberView } from '../../src/testing/invariants/invariant.js';
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
  readonly #votes = new Map<string, bigint>();
  #highestCommit = 0;
  #sequence = 0;
  readonly counts = {
    answeredReads: 0,
    leaders: new Set<number>(),
    restarts: 0,
    snapshots: 0,
    configurations: new Set<string>(),
    stranded: 0,
  };

  readonly #changing: boolean;

  constructor(seed: number, size: number, raft: Partial<RaftOptions>, changing: boolean) {
    this.#changing = changing;
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
    if (changing) for (let id = size + 1; id <= size + 3; id++) this.network.add(BigInt(id));
    this.network.onDeliver = (message) => {
      const { type, from, to, term } = message;
      if (type === 'snapshot') this.counts.snapshots++;
      if (type !== 'voteReply' || message.reject) return;
      // One vote a term, whatever crashes lie between (§5.2).
      const vote = `${from} in term ${term}`;
      assert((this.#votes.get(vote) ?? to) === to, `${vote} voted for ${this.#votes.get(vote)} and for ${to}`);
      this.#votes.set(vote, to);
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
    if (this.#changing && random.int(40) === 0) {
      const { running } = network;
      const leader = running.find(({ node }) => node.status().role === 'leader');
      if (running.length > 0) this.change(leader !== undefined && random.int(5) > 0 ? leader : this.pick(running));
    }
    if (random.int(200) === 0)
      this.someMember(({ node }) => node.transferLeadership(this.pick([...network.members.keys()])));
    // Right or wrong, it may cost an election and nothing else.
    if (random.int(200) === 0) this.someMember(({ node }) => node.reportGone(this.pick([...network.members.keys()])));
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

  change(member: Member): void {
    const actions = ['addVoter', 'addVoter', 'remove', 'addLearner', 'update'] as const;
    const ids = [...this.network.members.keys()];
    const steps = Array.from({ length: this.random.int(4) }, () => ({
      action: this.pick(actions),
      node: this.pick(ids),
    }));
    const transition = this.pick(['auto', 'auto', 'jointImplicit', 'jointExplicit'] as const);
    try {
      member.node.proposeChange({ kind: 'changeV2', transition, steps, context: new Uint8Array(0) });
    } catch (error) {
      assert(error instanceof RaftError && ['CHANGE_PENDING', 'INVALID_CHANGE'].includes(error.code), `${error}`);
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
    for (const { confState } of this.network.running) this.counts.configurations.add(describeConfState(confState));
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

  leader(): MemberView | undefined {
    const leaders = this.network.running.map(viewOf).filter(({ role }) => role === 'leader');
    return leaders.sort((a, b) => b.term - a.term)[0];
  }

  /** Those whom `leader` tells everything. */
  membersOf({ id }: { readonly id: bigint }): readonly Member[] {
    const { voters, learners, votersOutgoing = [] } = this.network.member(id).confState;
    return this.network.running.filter((member) => [...voters, ...learners, ...votersOutgoing].includes(member.id));
  }

  /**
   * The price of changes that take effect when they are applied: members that do not know yet that a change is
   * committed need the vote of one that does, has no vote any more, and has entries that they lack, so that it must
   * refuse. It happens only when a leader is lost right after it removed itself.
   */
  stranded(): boolean {
    const views = this.network.running.map(viewOf);
    if (views.some(({ role }) => role === 'leader')) return false;
    const votes = ({ id }: MemberView): boolean => {
      const { voters, votersOutgoing = [] } = this.network.member(id).node.confState;
      return [...voters, ...votersOutgoing].includes(id);
    };
    const [behind, ahead] = [views.filter(votes), views.filter((view) => !votes(view))];
    return ahead.some((removed) =>
      behind.every(({ last, termAt }) => {
        const [theirs, own] = [termAt(last)!, removed.termAt(removed.last)!];
        return own > theirs || (own === theirs && removed.last > last);
      }),
    );
  }

  /** Trouble ends: everybody is up, wires are whole. Then a leader must be found and all must agree. */
  heal(): boolean {
    this.network.heal();
    for (const member of this.network.members.values()) if (!member.up) member.restart();
    for (let round = 0; round < 400; round++) {
      for (const member of this.network.running) member.node.tick();
      this.network.settle();
      this.check();
      // Of two who believe that they lead, the later one does: the other was removed before it could learn so.
      const leader = this.leader();
      if (leader === undefined) continue;
      const views = this.membersOf(leader).map(viewOf);
      if (views.every(({ applied }) => applied === leader.last && applied === leader.commit)) return true;
    }
    if (this.#changing && this.stranded()) {
      this.counts.stranded++;
      return false;
    }
    throw new Error(
      `no agreement after the trouble: ${JSON.stringify(
        this.network.running.map((m) => m.node.status()),
        (_, v) => (typeof v === 'bigint' ? Number(v) : v),
      )}`,
    );
  }
}

export function run(
  seed: number,
  size: number,
  steps: number,
  raft: Partial<RaftOptions> = {},
  changing = false,
): Schedule {
  const schedule = new Schedule(seed, size, raft, changing);
  for (let i = 0; i < steps; i++) schedule.step();
  if (!schedule.heal()) return schedule;
  const { network } = schedule;
  // A transfer of leadership that got nowhere is given up within an election timeout.
  for (let i = 0; i < 6; i++) for (const member of network.running) network.tick(member.id);
  const leader = network.member(schedule.leader()!.id);
  const before = leader.node.status().last;
  const { accepted, refused } = leader.node.propose([Uint8Array.of(1)]);
  assert(accepted === 1, `the leader takes nothing: ${refused}`);
  network.settle();
  for (let i = 0; i < 3; i++) for (const member of network.running) network.tick(member.id);
  for (const { id, applied } of schedule.membersOf(leader)) assert(applied > before, `${id} applied up to ${applied}`);
  schedule.check();
  return schedule;
}
