import { assert } from '@kontiki/std';
import type { Condition } from '../errors.js';

/** One member of the cluster as the cluster has agreed on it. */
export interface Member {
  readonly id: bigint;
  readonly peerUrls: readonly string[];
  readonly isLearner: boolean;
  /** Empty until the member has started once and published itself. */
  readonly name: string;
  /** Empty until the member has started once and published itself. */
  readonly clientUrls: readonly string[];
}

/** What a membership change of the log asks for. */
export type MemberChange =
  | { readonly kind: 'add'; readonly member: Member }
  /** A learner becomes a voter. */
  | { readonly kind: 'promote'; readonly id: bigint }
  | { readonly kind: 'remove'; readonly id: bigint }
  | { readonly kind: 'update'; readonly id: bigint; readonly peerUrls: readonly string[] };

/** What a membership holds, as it is saved. */
export interface SavedMembers {
  readonly members: readonly Member[];
  /** Ids that were members once and never may be again. */
  readonly removed: readonly bigint[];
  readonly clusterVersion: string | undefined;
}

/** Where the membership is kept. Must be written in the same batch as the applied index of the entry that changed it. */
export interface MemberStore {
  saveMember(member: Member): void;
  /** The member goes; its id is remembered. */
  removeMember(id: bigint): void;
  saveClusterVersion(version: string): void;
}

/**
 * Who belongs to the cluster: a view of the log's membership entries up to the applied index.
 * Invariants: every change was applied from the log, on every member in the same order; nobody is a member and removed.
 */
export class Membership {
  readonly #store: MemberStore;
  readonly #maxLearners: number;
  #members: Map<bigint, Member> = new Map();
  #removed: Set<bigint> = new Set();
  #clusterVersion: string | undefined;
  #onClusterVersion: (version: string) => void = () => {};
  readonly #onChange: (() => void)[] = [];

  /** @param maxLearners learners there may be at once; must be the same on every member */
  constructor(
    readonly clusterId: bigint,
    store: MemberStore,
    saved: SavedMembers,
    maxLearners = 1,
  ) {
    this.#store = store;
    this.#maxLearners = maxLearners;
    this.#take(saved);
  }

  /** major.minor.0 of the lowest member; undefined until the leader has proposed it. */
  get clusterVersion(): string | undefined {
    return this.#clusterVersion;
  }

  member(id: bigint): Member | undefined {
    return this.#members.get(id);
  }

  /** Whether `id` was a member once: it cannot come back. */
  isRemoved(id: bigint): boolean {
    return this.#removed.has(id);
  }

  /** Ordered by id. */
  list(): readonly Member[] {
    return [...this.#members.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  voters(): readonly Member[] {
    return this.list().filter((member) => !member.isLearner);
  }

  /** Why a change cannot be made, in etcd's terms and its order; undefined: it can. */
  refusal(change: MemberChange): Condition | undefined {
    const id = change.kind === 'add' ? change.member.id : change.id;
    // As unknown as one that never was.
    if (this.#removed.has(id)) return 'MemberNotFound';
    const member = this.#members.get(id);
    if (change.kind === 'add') {
      if (member !== undefined) return 'MemberExist';
      if (this.#urlTaken(change.member.peerUrls, id)) return 'PeerURLExist';
      const learners = this.list().filter(({ isLearner }) => isLearner).length;
      return change.member.isLearner && learners >= this.#maxLearners ? 'TooManyLearners' : undefined;
    }
    if (member === undefined) return 'MemberNotFound';
    if (change.kind === 'promote') return member.isLearner ? undefined : 'MemberNotLearner';
    return change.kind === 'update' && this.#urlTaken(change.peerUrls, id) ? 'PeerURLExist' : undefined;
  }

  /** Makes a change that nothing refuses. */
  apply(change: MemberChange): void {
    assert(this.refusal(change) === undefined, 'a change that is refused is not made');
    switch (change.kind) {
      case 'add':
        this.#save(change.member);
        break;
      case 'promote':
        this.#save({ ...this.#members.get(change.id)!, isLearner: false });
        break;
      case 'update':
        this.#save({ ...this.#members.get(change.id)!, peerUrls: change.peerUrls });
        break;
      case 'remove':
        this.#members.delete(change.id);
        this.#removed.add(change.id);
        this.#store.removeMember(change.id);
        break;
    }
    this.#tell();
  }

  /** A member tells its name and where clients reach it. */
  publish(id: bigint, name: string, clientUrls: readonly string[]): void {
    const member = this.#members.get(id);
    // A member removed meanwhile has nothing to publish.
    if (member !== undefined) this.#save({ ...member, name, clientUrls });
  }

  setClusterVersion(version: string): void {
    this.#clusterVersion = version;
    this.#store.saveClusterVersion(version);
    this.#onClusterVersion(version);
  }

  /** Everything anew, as a snapshot from the leader has it. What was saved is there already. */
  restore(saved: SavedMembers): void {
    this.#take(saved);
    if (this.#clusterVersion !== undefined) this.#onClusterVersion(this.#clusterVersion);
    this.#tell();
  }

  /** Called with the version the members have agreed on, now if they have, and whenever it changes. */
  onClusterVersion(listener: (version: string) => void): void {
    this.#onClusterVersion = listener;
    if (this.#clusterVersion !== undefined) listener(this.#clusterVersion);
  }

  /** Called after members came, went, moved or were promoted. */
  onChange(listener: () => void): void {
    this.#onChange.push(listener);
  }

  #take({ members, removed, clusterVersion }: SavedMembers): void {
    this.#members = new Map(members.map((member) => [member.id, member]));
    this.#removed = new Set(removed);
    this.#clusterVersion = clusterVersion;
  }

  #save(member: Member): void {
    this.#members.set(member.id, member);
    this.#store.saveMember(member);
  }

  #tell(): void {
    for (const listener of this.#onChange) listener();
  }

  #urlTaken(urls: readonly string[], by: bigint): boolean {
    return this.list().some(({ id, peerUrls }) => id !== by && peerUrls.some((url) => urls.includes(url)));
  }
}

/** A member that has published itself once. */
export function isStarted(member: Member): boolean {
  return member.name !== '';
}
