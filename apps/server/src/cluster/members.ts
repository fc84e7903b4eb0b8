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

/** Where the membership is kept. Must be written in the same batch as the applied index of the entry that changed it. */
export interface MemberStore {
  saveMember(member: Member): void;
  saveClusterVersion(version: string): void;
}

/**
 * Who belongs to the cluster: a view of the log's membership entries up to the applied index.
 * Invariant: every change was applied from the log, on every member in the same order.
 */
export class Membership {
  readonly #members = new Map<bigint, Member>();
  readonly #store: MemberStore;
  #clusterVersion: string | undefined;
  #onClusterVersion: (version: string) => void = () => {};

  constructor(
    readonly clusterId: bigint,
    store: MemberStore,
    saved: { readonly members: readonly Member[]; readonly clusterVersion: string | undefined },
  ) {
    this.#store = store;
    for (const member of saved.members) this.#members.set(member.id, member);
    this.#clusterVersion = saved.clusterVersion;
  }

  /** major.minor.0 of the lowest member; undefined until the leader has proposed it. */
  get clusterVersion(): string | undefined {
    return this.#clusterVersion;
  }

  member(id: bigint): Member | undefined {
    return this.#members.get(id);
  }

  /** Ordered by id. */
  list(): readonly Member[] {
    return [...this.#members.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  voters(): readonly bigint[] {
    return this.list()
      .filter((member) => !member.isLearner)
      .map((member) => member.id);
  }

  add(member: Member): void {
    this.#members.set(member.id, member);
    this.#store.saveMember(member);
  }

  /** A member tells its name and where clients reach it. */
  publish(id: bigint, name: string, clientUrls: readonly string[]): void {
    const member = this.#members.get(id);
    // A member removed meanwhile has nothing to publish.
    if (member === undefined) return;
    this.add({ ...member, name, clientUrls });
  }

  setClusterVersion(version: string): void {
    this.#clusterVersion = version;
    this.#store.saveClusterVersion(version);
    this.#onClusterVersion(version);
  }

  /** Called with the version the members have agreed on, now if they have, and whenever it changes. */
  onClusterVersion(listener: (version: string) => void): void {
    this.#onClusterVersion = listener;
    if (this.#clusterVersion !== undefined) listener(this.#clusterVersion);
  }
}
