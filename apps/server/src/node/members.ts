import type { RaftDriver } from '@kontiki/raft';
import type { Clock, Counter } from '@kontiki/std';
import type { MembersReply } from '../apply/cluster.js';
import type { Outcome } from '../apply/state-machine.js';
import { memberId, type Sha1 } from '../cluster/member-id.js';
import { isStarted, type Member, type MemberChange, type Membership } from '../cluster/members.js';
import { parseUrls } from '../config/urls.js';
import { type Condition, ServerError } from '../errors.js';
import { type AtLeaderOptions, atLeader } from './at-leader.js';
import type { Leadership } from './leadership.js';
import type { Proposer } from './propose.js';
import {
  type ClusterView,
  HEALTHY_MS,
  isReadyToVote,
  riskOfAdding,
  riskOfPromoting,
  riskOfRemoving,
} from './reconfiguration.js';

/** How well this member reaches another. */
export interface Links {
  /** Monotonic milliseconds since when messages reach it without a break; undefined: they do not. */
  activeSince(id: bigint): number | undefined;
}

export interface MembersMetrics {
  readonly promoted: Counter;
  /** @param reason the condition that was in the way */
  notPromoted(reason: string): Counter;
}

export interface MembersOptions extends AtLeaderOptions {
  readonly memberId: bigint;
  readonly membership: Membership;
  readonly leadership: Leadership;
  readonly driver: RaftDriver<Outcome>;
  readonly proposer: Proposer;
  readonly links: Links;
  readonly sha1: Sha1;
  readonly metrics: MembersMetrics;
  readonly clock: Clock;
  /** Refuse what would put the quorum at risk (`--strict-reconfig-check`). */
  readonly strict: boolean;
  /** Asks the leader to promote a learner. */
  promoteThere(leader: Member, id: bigint, timeoutMs: number): Promise<readonly Member[]>;
  /** Everything committed is applied here. */
  caughtUp(): Promise<void>;
}

const MS = 1000;

/** Changes of who is a member, and of who leads. */
export class Members {
  readonly #options: MembersOptions;

  constructor(options: MembersOptions) {
    this.#options = options;
  }

  /**
   * Adds a member that has not started yet, under an id made of its URLs and the time.
   * @throws ServerError MemberBadURLs, MemberNotEnoughStarted, Unhealthy, PeerURLExist, TooManyLearners
   */
  async add(peerUrls: readonly string[], isLearner: boolean): Promise<{ member: Member; members: readonly Member[] }> {
    const { sha1, clock } = this.#options;
    const urls = checkedUrls(peerUrls);
    this.#refuse(riskOfAdding(isLearner, this.#view()));
    const id = memberId(urls, String(Math.floor(clock.now() / MS)), sha1);
    const member: Member = { id, peerUrls: urls, isLearner, name: '', clientUrls: [] };
    return { member, members: await this.#change({ kind: 'add', member }) };
  }

  /** @throws ServerError MemberNotFound, MemberNotEnoughStarted, Unhealthy */
  remove(id: bigint): Promise<readonly Member[]> {
    this.#refuse(riskOfRemoving(id, this.#view()));
    return this.#change({ kind: 'remove', id });
  }

  /** @throws ServerError MemberNotFound, PeerURLExist */
  update(id: bigint, peerUrls: readonly string[]): Promise<readonly Member[]> {
    return this.#change({ kind: 'update', id, peerUrls });
  }

  /**
   * A learner becomes a voter; the leader decides whether it is ready.
   * @throws ServerError MemberNotFound, MemberNotLearner, LearnerNotReady, MemberNotEnoughStarted
   */
  async promote(id: bigint): Promise<readonly Member[]> {
    const { metrics, promoteThere, membership, caughtUp } = this.#options;
    const wasLearner = membership.member(id)?.isLearner === true;
    let asked = 0;
    try {
      const members = await atLeader(this.#options, {
        here: () => this.promoteHere(id),
        there(leader, timeoutMs) {
          asked++;
          return promoteThere(leader, id, timeoutMs);
        },
      });
      metrics.promoted.add();
      return members;
    } catch (error) {
      const condition = error instanceof ServerError ? error.condition : 'other';
      // A leader that was asked and never answered has done it.
      if (condition === 'MemberNotLearner' && wasLearner && asked > 1) {
        await caughtUp();
        return membership.list();
      }
      metrics.notPromoted(condition).add();
      throw error;
    }
  }

  /** As the leader; for another member that was asked. @throws also NotLeader */
  async promoteHere(id: bigint): Promise<readonly Member[]> {
    const { membership, leadership, driver, strict, caughtUp } = this.#options;
    if (!leadership.isLeader) throw new ServerError('NotLeader');
    await caughtUp();
    const refused = membership.refusal({ kind: 'promote', id });
    if (refused !== undefined) throw new ServerError(refused);
    const { followers, id: self } = driver.status();
    const learner = followers.find((follower) => follower.id === id);
    const leader = followers.find((follower) => follower.id === self);
    if (learner === undefined || leader === undefined || !isReadyToVote(learner.match, leader.match)) {
      throw new ServerError('LearnerNotReady');
    }
    if (strict) this.#refuse(riskOfPromoting({ voters: membership.voters() }));
    return this.#change({ kind: 'promote', id });
  }

  /**
   * Hands leadership to another voter.
   * @throws ServerError NotLeader, BadLeaderTransferee, LeaderTransferTimeout
   */
  async moveLeader(target: bigint): Promise<void> {
    const { leadership, membership, timeoutMs } = this.#options;
    if (!leadership.isLeader) throw new ServerError('NotLeader');
    const member = membership.member(target);
    if (member === undefined || member.isLearner || !isStarted(member)) throw new ServerError('BadLeaderTransferee');
    if (!(await this.#handOver(target, timeoutMs))) throw new ServerError('LeaderTransferTimeout');
  }

  /** Before this member stops: the voter that was reachable for longest takes over, if there is one. */
  async handOverBeforeStop(timeoutMs: number): Promise<'handed over' | 'not needed' | 'nobody' | 'too slow'> {
    const { leadership, membership, memberId: self, links } = this.#options;
    if (!leadership.isLeader || membership.voters().length < 2) return 'not needed';
    const [best] = membership
      .voters()
      .filter(({ id }) => id !== self)
      .map(({ id }) => ({ id, since: links.activeSince(id) ?? Number.POSITIVE_INFINITY }))
      .filter(({ since }) => since !== Number.POSITIVE_INFINITY)
      .sort((a, b) => a.since - b.since);
    if (best === undefined) return 'nobody';
    return (await this.#handOver(best.id, timeoutMs)) ? 'handed over' : 'too slow';
  }

  #handOver(target: bigint, timeoutMs: number): Promise<boolean> {
    const { leadership, driver, clock } = this.#options;
    if (leadership.leader === target) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = clock.after(timeoutMs, () => end(false));
      const stopListening = leadership.onChange(({ leader }) => {
        if (leader === target) end(true);
      });
      const end = (done: boolean): void => {
        timer.cancel();
        stopListening();
        resolve(done);
      };
      driver.transferLeadership(target);
    });
  }

  async #change(change: MemberChange): Promise<readonly Member[]> {
    const { members } = (await this.#options.proposer.proposeChange(change)) as MembersReply;
    return members;
  }

  #refuse(risk: Condition | undefined): void {
    if (this.#options.strict && risk !== undefined) throw new ServerError(risk);
  }

  #view(): ClusterView {
    const { memberId: self, membership, links, clock } = this.#options;
    return {
      self,
      voters: membership.voters(),
      isConnected: (id) => links.activeSince(id) !== undefined,
      isHealthy: (id) => clock.monotonic() - (links.activeSince(id) ?? Number.POSITIVE_INFINITY) >= HEALTHY_MS,
    };
  }
}

/** As they are stored: sorted. */
function checkedUrls(peerUrls: readonly string[]): readonly string[] {
  const parsed = parseUrls(peerUrls.join(','));
  if ('problem' in parsed || parsed.value.length === 0) throw new ServerError('MemberBadURLs');
  return parsed.value.map(({ text }) => text);
}
