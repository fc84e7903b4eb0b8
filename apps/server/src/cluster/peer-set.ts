import type { Membership } from './members.js';

/** Connections to other members, by id. */
export interface PeerLinks {
  /** Known already: as an update. */
  addPeer(id: bigint, urls: readonly string[]): void;
  removePeer(id: bigint): void;
}

/**
 * Keeps a member's connections in step with who belongs to the cluster.
 * Invariant: every other member has one; whoever was removed has none.
 */
export class PeerSet {
  readonly #self: bigint;
  readonly #membership: Membership;
  readonly #links: PeerLinks;
  readonly #connected = new Map<bigint, string>();

  /** @param known members that a joining member has heard of before the log told it */
  constructor(
    self: bigint,
    membership: Membership,
    links: PeerLinks,
    known: readonly { readonly id: bigint; readonly peerUrls: readonly string[] }[],
  ) {
    this.#self = self;
    this.#membership = membership;
    this.#links = links;
    for (const { id, peerUrls } of known) this.#connect(id, peerUrls);
    this.#follow();
    membership.onChange(() => this.#follow());
  }

  #follow(): void {
    for (const { id, peerUrls } of this.#membership.list()) this.#connect(id, peerUrls);
    for (const id of [...this.#connected.keys()]) {
      // One that the log has not named yet may be a member it will name.
      if (!this.#membership.isRemoved(id)) continue;
      this.#connected.delete(id);
      this.#links.removePeer(id);
    }
  }

  #connect(id: bigint, urls: readonly string[]): void {
    const text = urls.join();
    if (id === this.#self || this.#connected.get(id) === text) return;
    this.#connected.set(id, text);
    this.#links.addPeer(id, urls);
  }
}
