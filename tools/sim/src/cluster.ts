import type { ConfState, NodeId } from '@kontiki/raft';
import { assert } from '@kontiki/std';
import type { Founding } from 'kontiki/testing';
import type { Checks } from './checks/checks.js';
import type { Observed } from './checks/whole-logs.js';
import { Member, type SimWorld, type Wrapping } from './member.js';
import type { Settings } from './settings.js';

const CLUSTER_ID = 1n;

export interface ClusterOptions {
  readonly world: SimWorld;
  readonly settings: Settings;
  readonly checks: Checks;
  readonly wrapping: Wrapping;
  /** Members it begins with. */
  readonly size: number;
}

/** Who is a member, as of an index. */
export interface Configuration {
  readonly confState: ConfState;
  readonly configuredAt: number;
}

/** All members there ever were, and what is known of them. */
export class Cluster {
  readonly members: Map<NodeId, Member> = new Map();
  readonly size: number;
  /** A voter whose disk is lost, until it is removed. At most one at a time. */
  lost: Member | undefined;
  /** Told when somebody has stopped. */
  onEnded: () => void = () => {};
  /** Told when somebody begins to lead. */
  onLeader: (member: Member) => void = () => {};
  /** What happened, counted. */
  readonly counts: { elections: number; snapshots: number; boots: number; changes: number } = {
    elections: 0,
    snapshots: 0,
    boots: 0,
    changes: 0,
  };
  readonly #options: ClusterOptions;
  /** Everybody who was in a configuration. */
  readonly #ever = new Set<NodeId>();
  #newest: Configuration = { confState: { voters: [], learners: [] }, configuredAt: 0 };
  #nextId = 1n;

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.size = options.size;
    const ids = Array.from({ length: options.size }, () => this.#nextId++);
    const members = ids.map((id) => ({ id, name: `m${id}`, peerUrls: [`http://m${id}`] }));
    for (const id of ids) this.#add(id, members).start();
  }

  get running(): readonly Member[] {
    return [...this.members.values()].filter(({ driver }) => driver !== undefined);
  }

  /** Machines that trouble may come to. */
  get present(): readonly Member[] {
    return [...this.members.values()].filter(({ retired }) => !retired);
  }

  get observed(): readonly Observed[] {
    const observed: Observed[] = [];
    for (const member of this.members.values()) {
      const seen = member.observed;
      if (seen !== undefined) observed.push(seen);
    }
    return observed;
  }

  /** The latest configuration any member that runs has applied. */
  get newest(): Configuration {
    for (const { state } of this.members.values()) {
      if (state === undefined || state.configuredAt <= this.#newest.configuredAt) continue;
      this.#newest = { confState: state.confState, configuredAt: state.configuredAt };
      for (const id of idsOf(state.confState)) this.#ever.add(id);
    }
    return this.#newest;
  }

  /** The member that leads, in its own opinion; of several the one of the highest term. */
  get leader(): Member | undefined {
    let leader: Member | undefined;
    let term = 0;
    for (const member of this.members.values()) {
      const status = member.driver?.status();
      if (status?.role !== 'leader' || status.term <= term) continue;
      leader = member;
      term = status.term;
    }
    return leader;
  }

  /** Somebody to add: runs, and was never in a configuration. */
  spare(): Member {
    void this.newest;
    for (const member of this.present) if (!this.#ever.has(member.id)) return member;
    const member = this.#add(this.#nextId++, []);
    member.start();
    return member;
  }

  /** Whether no member of the newest configuration can fall back behind it, whatever happens to it. */
  get settled(): boolean {
    const { confState, configuredAt } = this.newest;
    if (configuredAt === 0 || confState.votersOutgoing !== undefined) return false;
    return idsOf(confState).every((id) => {
      const { durable } = this.#member(id).mirror;
      return Math.max(durable.hardState.commit, durable.base.index) >= configuredAt;
    });
  }

  /** Those who were removed leave for good, once nobody can need them any more. */
  retireRemoved(): void {
    if (!this.settled) return;
    const current = new Set(idsOf(this.newest.confState));
    if (this.lost !== undefined && !current.has(this.lost.id)) this.lost = undefined;
    for (const member of this.present) {
      if (current.has(member.id) || !this.#ever.has(member.id)) continue;
      this.#options.world.record('retire', member.id);
      member.retire();
    }
  }

  /** The disk of a voter is lost for good: it may only come back as somebody else. */
  lose(member: Member): void {
    assert(this.lost === undefined, 'one at a time');
    this.#options.world.record('lose', member.id);
    member.retire();
    this.lost = member;
  }

  /** Everybody in the newest configuration who can still run. */
  get expected(): readonly Member[] {
    return idsOf(this.newest.confState)
      .map((id) => this.#member(id))
      .filter(({ retired }) => !retired);
  }

  #member(id: NodeId): Member {
    const member = this.members.get(id);
    assert(member !== undefined, `there is no member ${id}`);
    return member;
  }

  #add(id: NodeId, members: Founding['members']): Member {
    const { world, settings, checks, wrapping } = this.#options;
    const member = new Member({
      world,
      id,
      founding: { memberId: id, clusterId: CLUSTER_ID, members },
      settings,
      checks,
      wrapping,
      peer: (other) => this.members.get(other),
      onEnded: () => this.onEnded(),
      onLeader: (leader) => this.onLeader(leader),
      count: (what) => this.counts[what]++,
    });
    this.members.set(id, member);
    return member;
  }
}

function idsOf({ voters, learners, votersOutgoing = [], learnersNext = [] }: ConfState): NodeId[] {
  return [...new Set([...voters, ...learners, ...votersOutgoing, ...learnersNext])];
}
