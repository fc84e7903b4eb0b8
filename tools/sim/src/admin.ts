import { type ChangeStep, type MembershipChange, type NodeId, RaftError, type RaftErrorCode } from '@kontiki/raft';
import { between, chance, pick } from '@kontiki/sim';
import type { Cluster } from './cluster.js';
import type { Member, SimWorld } from './member.js';
import { encodeExpectation } from './state.js';

const EXPECTED: ReadonlySet<RaftErrorCode> = new Set([
  'NO_LEADER',
  'LEADER_CHANGED',
  'PROPOSAL_TIMED_OUT',
  'PROPOSAL_DROPPED',
  'TOO_MANY_WAITING',
  'STOPPED',
  'CHANGE_PENDING',
  'INVALID_CHANGE',
]);

export interface AdminOptions {
  readonly world: SimWorld;
  readonly cluster: Cluster;
  readonly nextId: () => bigint;
  /** The usual time between two wishes. */
  readonly everyMs: number;
  /** Whether members come and go; else only leadership moves. */
  readonly resizes: boolean;
  /**
   * Whether so many voters may go at once that those who stay are no majority of those before. If a leader that removes
   * itself so falls before it tells that the change is committed, the others still need its vote, which it refuses to
   * whoever has a shorter log, and itself it may not lead any more: nobody ever does. Safe, but for good; a cluster of
   * etcd's raft ends in the same way. So only where nobody falls.
   */
  readonly narrow: boolean;
}

/**
 * Moves leadership, and lets members come and go: as learners first or at once, alone or several through a joint
 * configuration, removed while they lead, with their disks lost.
 */
export class Admin {
  readonly #options: AdminOptions;
  #stopped = false;
  /** Changes proposed for a configuration whose outcome nobody knows: they may still happen while it holds. */
  #openFor = 0;

  constructor(options: AdminOptions) {
    this.#options = options;
  }

  start(): void {
    const { world, everyMs } = this.#options;
    world.timeline.after(between(world.random, 1, 2 * everyMs), () => {
      if (this.#stopped) return;
      this.#act();
      this.start();
    });
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Leaves a joint configuration that nobody leaves by himself. */
  leaveJoint(): void {
    const { cluster, world } = this.#options;
    const { votersOutgoing, autoLeave } = cluster.newest.confState;
    const { leader } = cluster;
    if (votersOutgoing === undefined || autoLeave === true || leader === undefined) return;
    world.record('leave');
    this.#propose(leader, [], 'auto');
  }

  #act(): void {
    const { world, cluster, resizes } = this.#options;
    const { random } = world;
    const { running } = cluster;
    if (running.length === 0) return;
    if (!resizes || chance(random, 400)) {
      const target = pick(random, [...cluster.members.keys()]);
      pick(random, running).driver?.transferLeadership(target);
      return;
    }
    cluster.retireRemoved();
    const via = chance(random, 700) ? (cluster.leader ?? pick(random, running)) : pick(random, running);
    const { confState } = cluster.newest;
    if (confState.voters.length === 0) return;
    if (confState.votersOutgoing !== undefined) {
      if (confState.autoLeave !== true) this.#propose(via, [], 'auto');
      return;
    }
    const { lost } = cluster;
    if (lost !== undefined) {
      this.#propose(via, [{ action: 'remove', node: lost.id }], 'auto');
      return;
    }
    if (chance(random, 100) && this.#mayLose()) {
      cluster.lose(cluster.members.get(pick(random, confState.voters))!);
      return;
    }
    let steps = this.#steps(confState.voters, confState.learners);
    if (!this.#options.narrow && isNarrow(steps, confState.voters)) {
      steps = [{ action: 'addVoter', node: cluster.spare().id }];
      if (confState.voters.length >= cluster.size + 2) return;
    }
    this.#propose(via, steps, pick(random, ['auto', 'auto', 'jointImplicit', 'jointExplicit']));
  }

  #steps(voters: readonly NodeId[], learners: readonly NodeId[]): readonly ChangeStep[] {
    const { world, cluster } = this.#options;
    const { random } = world;
    const [learner] = learners;
    if (learner !== undefined) {
      return [{ action: chance(random, 700) ? 'addVoter' : 'remove', node: learner }];
    }
    const add = (): ChangeStep => ({
      action: chance(random, 600) ? 'addLearner' : 'addVoter',
      node: cluster.spare().id,
    });
    if (voters.length < cluster.size) return [add()];
    const voter = pick(random, voters);
    const wish = random.int(6);
    if (wish === 0 && voters.length < cluster.size + 2) return [add()];
    if (wish === 1) return [{ action: 'update', node: voter }];
    // A voter that only listens from now on.
    if (wish === 2 && voters.length > 1) return [{ action: 'addLearner', node: voter }];
    if (wish === 3 && voters.length > 1) return [{ action: 'remove', node: voter }];
    if (wish === 4 && voters.length > 2) {
      return voters.slice(0, 2).map((node) => ({ action: 'remove', node }) as const);
    }
    return [
      { action: 'addVoter', node: cluster.spare().id },
      { action: 'remove', node: voter },
    ];
  }

  /** The others must go on without it, whatever else is under way. */
  #mayLose(): boolean {
    const { cluster } = this.#options;
    const { confState, configuredAt } = cluster.newest;
    return confState.voters.length >= 3 && cluster.settled && this.#openFor < configuredAt;
  }

  #propose(via: Member, steps: readonly ChangeStep[], transition: 'auto' | 'jointImplicit' | 'jointExplicit'): void {
    const { world, cluster, nextId } = this.#options;
    const { driver } = via;
    if (driver === undefined) return;
    const id = nextId();
    const { configuredAt } = cluster.newest;
    const context = encodeExpectation(id, configuredAt);
    const [only] = steps;
    const change: MembershipChange =
      steps.length === 1 && only !== undefined && transition === 'auto' && chance(world.random, 500)
        ? { kind: 'change', id, step: only, context }
        : { kind: 'changeV2', transition, steps, context };
    const text = steps.map(({ action, node }) => `${action} ${node}`).join(', ');
    world.record('propose', via.id, configuredAt, change.kind, transition, text);
    this.#openFor = Math.max(this.#openFor, configuredAt);
    driver.proposeChange(id, change).then(
      () => {},
      (error: unknown) => {
        if (!(error instanceof RaftError && EXPECTED.has(error.code))) world.fail(error);
      },
    );
  }
}

function isNarrow(steps: readonly ChangeStep[], voters: readonly NodeId[]): boolean {
  const going = steps.filter(
    ({ action, node }) => (action === 'remove' || action === 'addLearner') && voters.includes(node),
  );
  return voters.length - going.length < Math.floor(voters.length / 2) + 1;
}
