import type { rpc } from '@kontiki/proto';
import { compare, fromLatin1 } from '@kontiki/std';
import { type Identity, normalise, type Tree } from './answer.js';
import type { WatchCreate } from './operation.js';

/** An event of a stream, with what is needed to know whom it concerns. */
interface SeenEvent {
  readonly key: Uint8Array;
  readonly revision: number;
  readonly isDelete: boolean;
  readonly tree: Tree;
}

/** One watcher from its create request on. */
export class WatcherLog {
  readonly create: WatchCreate;
  /** The start revision as it was sent. */
  readonly start: bigint;
  /** The compacted revision when it was asked for: a start below must end in a cancellation. */
  readonly compactedThen: bigint;
  readonly controls: Tree[] = [];
  readonly events: Tree[] = [];
  /** The revision of each event. */
  readonly revisions: number[] = [];
  /** What this server did that no server may, whatever the other did. */
  readonly faults: string[] = [];
  id: bigint | undefined;
  live = false;
  ended = false;
  /** Cancelled because a compaction went past it. */
  overtaken = false;
  /** Header revision of the created reply. */
  createdRevision = 0;
  /** True once it must have left the catching-up state, should it have been in it. */
  provenSynced = false;
  lastRevision = 0;
  #fragmentOf: number | undefined;

  constructor(create: WatchCreate, start: bigint, compactedThen: bigint) {
    this.create = create;
    this.start = start;
    this.compactedThen = compactedThen;
  }

  take(response: rpc.WatchResponse, identity: Identity): void {
    if (response.created || response.canceled) this.#takeControl(response, identity);
    if (response.events.length > 0) this.#takeEvents(response, identity);
    else if (!response.created && !response.canceled) this.faults.push('a response without events and without a cause');
  }

  /** Does an event of the whole history concern this watcher? */
  wants(event: SeenEvent): boolean {
    const first = this.start > 0n ? this.start : BigInt(this.createdRevision) + 1n;
    if (BigInt(event.revision) < first) return false;
    if (this.create.filters.includes(event.isDelete ? 1 : 0)) return false;
    return contains(this.create.key, this.create.end, event.key);
  }

  #takeControl(response: rpc.WatchResponse, identity: Identity): void {
    const { events: _, ...rest } = response;
    this.controls.push(normalise(rest, identity));
    if (response.created) {
      this.id = response.watchId;
      this.createdRevision = response.header?.revision ?? 0;
      this.live = true;
    }
    if (response.canceled) {
      this.live = false;
      this.ended = true;
      this.overtaken = response.compactRevision > 0;
    }
  }

  #takeEvents(response: rpc.WatchResponse, identity: Identity): void {
    if (!this.live) this.faults.push('events before the created reply or after the cancellation');
    const continued = this.#fragmentOf;
    for (const [i, event] of response.events.entries()) {
      const revision = event.kv?.modRevision ?? 0;
      if (revision < this.lastRevision) this.faults.push(`revision ${revision} after ${this.lastRevision}`);
      if (i === 0 && revision === this.lastRevision && continued === undefined) {
        this.faults.push(`revision ${revision} in two responses`);
      }
      this.lastRevision = revision;
      this.events.push(normalise(event, identity));
      this.revisions.push(revision);
    }
    const header = response.header?.revision ?? 0;
    if (header < this.lastRevision) this.faults.push(`header revision ${header} below its event ${this.lastRevision}`);
    if (continued !== undefined && header !== continued) this.faults.push('fragments with different headers');
    if (response.fragment && !this.create.fragment) this.faults.push('a fragment nobody asked for');
    this.#fragmentOf = response.fragment ? header : undefined;
  }
}

/** Everything that happened to the keys after revision `after`, as a watcher of all of them sees it. */
export class MasterLog {
  readonly #after: number;
  readonly #events: SeenEvent[] = [];
  lastRevision: number;

  constructor(after: number) {
    this.#after = after;
    this.lastRevision = after;
  }

  take(response: rpc.WatchResponse, identity: Identity): void {
    for (const event of response.events) {
      const revision = event.kv?.modRevision ?? 0;
      this.#events.push({
        key: event.kv?.key ?? new Uint8Array(0),
        revision,
        isDelete: event.type === 1,
        tree: normalise(event, identity),
      });
      this.lastRevision = Math.max(this.lastRevision, revision);
    }
  }

  get trees(): readonly Tree[] {
    return this.#events.map((event) => event.tree);
  }

  /** Has the watcher got what it is owed so far? What happened before this log began is not counted. */
  hasReached(watcher: WatcherLog): boolean {
    const owed = this.#events.reduce((count, event) => count + (watcher.wants(event) ? 1 : 0), 0);
    return watcher.revisions.filter((revision) => revision > this.#after).length >= owed;
  }
}

/** etcd's way of naming a range; a watch of the empty key begins at 0x00. */
function contains(start: string, end: string, key: Uint8Array): boolean {
  const from = start === '' ? '\0' : start;
  if (end === '') return compare(key, fromLatin1(from)) === 0;
  if (compare(key, fromLatin1(from)) < 0) return false;
  return end === '\0' || compare(key, fromLatin1(end)) < 0;
}
