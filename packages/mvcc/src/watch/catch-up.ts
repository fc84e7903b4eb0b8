import { AssertionError, assert } from '@kontiki/std';
import { MvccError } from '../errors.js';
import type { Bell } from './bell.js';
import type { History } from './history.js';
import type { LiveWatchers } from './live.js';
import type { Recent } from './recent.js';
import { SharedEvent } from './shared-event.js';
import type { WatcherState } from './watcher.js';
import { WatcherIndex } from './watcher-index.js';

export interface CatchUpOptions {
  /** Who stands so many revisions ahead of a scan does not wait for it to come by. */
  readonly joinWithinRevisions: number;
  /** A round with others waiting ends after so many changes. */
  readonly turnMaxChanges: number;
  /** So many deliveries are made at a stretch when everybody has something, so that those get to take it. */
  readonly turnMaxDeliveries: number;
}

/**
 * Brings lagging watchers to the present. All that ask at about the same place are served by one scan of history, and one scan goes on at
 * a time. It goes on only while somebody waits for it: who got something leaves it to its consumer to ask for more.
 *
 * A watcher that asks stands in the queue. It is the turn of the one at its head: a round reads from there on, or from a little earlier
 * for the sake of those that stand not far behind, first history, then what is still in memory. It gives each what is for it, until all
 * have something or are live. So those that have come close to each other stay together.
 *
 * Invariants: in the queue are exactly those that are hungry and have not joined the round; `#waiting` counts those that are hungry and
 * have; everything below `#position` was given to those that have joined.
 */
export class CatchUp {
  readonly #history: History;
  readonly #recent: Recent;
  readonly #live: LiveWatchers;
  readonly #bell: Bell;
  readonly #options: CatchUpOptions;
  /** Joined the queue since the round last looked. */
  #newcomers: WatcherState[] = [];
  /** In order of asking. */
  readonly #queue = new Set<WatcherState>();
  /** Everybody that asked and is not known to have stopped asking. */
  readonly #index = new WatcherIndex();
  #running: Promise<void> | undefined;
  /** Counts scans begun and left, so that each knows whether it is still the one. */
  #scans = 0;
  #closed = false;

  // Of the round that goes on.
  /** Joined it; some have left it since (`joined` says). */
  #members: WatcherState[] = [];
  #waiting = 0;
  #position = 0;
  /** Where the one stands whose turn it is, and the changes given out from there on. */
  #turnFrom = 0;
  #changes = 0;
  /** Since the thread was last let go of. */
  #deliveries = 0;
  /** The event that is being given out. */
  #event!: SharedEvent;
  /** Met on the way and no longer asking: out of the index once nobody walks through it. */
  readonly #idle: WatcherState[] = [];

  constructor(history: History, recent: Recent, live: LiveWatchers, bell: Bell, options: CatchUpOptions) {
    this.#history = history;
    this.#recent = recent;
    this.#live = live;
    this.#bell = bell;
    this.#options = options;
  }

  /** A lagging watcher with nothing buffered asks for what comes next. Makes it live at once when that is nothing. */
  want(watcher: WatcherState): void {
    assert(watcher.phase === 'lagging' && watcher.isEmpty, 'only who has nothing asks history');
    if (watcher.hungry) return;
    if (watcher.joined) {
      watcher.hungry = true;
      this.#waiting++;
    } else if (watcher.next > this.#history.revision) {
      this.#arrive(watcher);
    } else if (watcher.next < this.#history.compactedRevision) {
      this.#overtaken(watcher);
    } else {
      watcher.hungry = true;
      this.#enqueue(watcher);
      this.#running ??= this.#run();
    }
  }

  /** For who ends. */
  leave(watcher: WatcherState): void {
    if (watcher.joined && watcher.hungry) this.#waiting--;
    this.#queue.delete(watcher);
    this.#unfind(watcher);
  }

  /** What the scan that goes on still reads is not given out: the round goes on with another one from where it stands. */
  leaveScan(): void {
    this.#scans++;
  }

  /** Resolves when no scan is open any more. Everybody must have left. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    // After the turn in which the first one asked: others may ask in it too.
    await Promise.resolve();
    while (this.#queue.size > 0 && !this.#closed) await this.#round();
    this.#newcomers = [];
    this.#running = undefined;
  }

  async #round(): Promise<void> {
    const [oldest] = this.#queue;
    this.#turnFrom = oldest!.next;
    this.#position = this.#turnFrom;
    for (const { next } of this.#queue) {
      if (next < this.#position && next > this.#turnFrom - this.#options.joinWithinRevisions) this.#position = next;
    }
    this.#changes = 0;
    this.#newcomers = [...this.#queue];
    this.#admit();
    try {
      while (this.#waiting > 0 && this.#position <= this.#history.revision) {
        if (this.#position < this.#history.compactedRevision) this.#compacted();
        else if (this.#recent.covers(this.#position)) this.#giveRecent();
        else await this.#scan(this.#history.revision);
        if (this.#isOver()) break;
      }
    } catch (error) {
      if (error instanceof AssertionError) throw error;
      this.#failed(error);
    }
    this.#disband();
  }

  /** One scan: until its end, or until what comes next is in memory. */
  async #scan(last: number): Promise<void> {
    const first = this.#position;
    const scan = ++this.#scans;
    try {
      for await (const changes of this.#history.scan(first, last)) {
        if (this.#scans !== scan) return;
        // While it was read, compaction may have taken something out of it.
        if (this.#waiting === 0 || this.#position < this.#history.compactedRevision) return;
        // Whoever asked meanwhile comes along.
        this.#admit();
        const newest = changes[changes.length - 1]!.revision.main;
        const wasAll = this.#give(changes, (change) => new SharedEvent(change), newest);
        if (!wasAll || this.#recent.covers(this.#position) || this.#isOver()) return;
      }
    } catch (error) {
      if (this.#scans !== scan) return;
      // The round goes on from where it stands, and sees whether that is too late.
      if (error instanceof MvccError && error.code === 'COMPACTED' && first < this.#history.compactedRevision) return;
      throw error;
    }
    if (this.#scans === scan && this.#position >= this.#history.compactedRevision) this.#position = last + 1;
  }

  #giveRecent(): void {
    this.#give(this.#recent.from(this.#position), (event) => event, this.#history.revision);
  }

  /**
   * Gives out `changes`, which are all there are from the position up to `last`.
   * @returns false when that was enough after some of them: the position says where
   */
  #give<Change>(changes: readonly Change[], toEvent: (change: Change) => SharedEvent, last: number): boolean {
    let previous = 0;
    this.#deliveries = 0;
    for (const change of changes) {
      const event = toEvent(change);
      if (event.revision !== previous && this.#waiting === 0 && this.#deliveries >= this.#options.turnMaxDeliveries) {
        this.#given(event.revision - 1);
        return false;
      }
      previous = event.revision;
      if (event.revision >= this.#turnFrom) this.#changes++;
      this.#event = event;
      this.#index.forEachAt(event.key, this.#deliver);
    }
    this.#given(last);
    return true;
  }

  /** Everybody has something, or others have waited long enough. */
  #isOver(): boolean {
    return this.#waiting === 0 || (this.#queue.size > 0 && this.#changes >= this.#options.turnMaxChanges);
  }

  readonly #deliver = (watcher: WatcherState): void => {
    const event = this.#event;
    if (!watcher.joined) {
      if (watcher.findable && !watcher.hungry) {
        watcher.findable = false;
        this.#idle.push(watcher);
      }
      return;
    }
    if (!watcher.wants(event)) return;
    if (!watcher.hasBatchRoom(event)) {
      // Enough for one batch: the round goes on without it.
      watcher.joined = false;
      watcher.next = event.revision;
      return;
    }
    watcher.push(event);
    this.#deliveries++;
    if (watcher.hungry) {
      watcher.hungry = false;
      this.#waiting--;
    }
    if (watcher.armed) this.#bell.ring(watcher);
  };

  /** Up to `revision` everything was given out. */
  #given(revision: number): void {
    this.#position = revision + 1;
    for (const watcher of this.#idle) this.#index.delete(watcher);
    this.#idle.length = 0;
    this.#live.shed();
    this.#admit();
  }

  /** Newcomers that stand where the round has not been yet take part. */
  #admit(): void {
    const newcomers = this.#newcomers;
    this.#newcomers = [];
    for (const watcher of newcomers) {
      const ahead = watcher.next - this.#position;
      if (!watcher.hungry || watcher.joined || ahead < 0 || ahead >= this.#options.joinWithinRevisions) continue;
      this.#queue.delete(watcher);
      watcher.joined = true;
      this.#members.push(watcher);
      this.#waiting++;
    }
  }

  /** The round has come to its end: each member goes on from where it stands. */
  #disband(): void {
    const members = this.#members;
    this.#members = [];
    this.#waiting = 0;
    for (const watcher of members) {
      if (!watcher.joined) continue;
      watcher.joined = false;
      if (watcher.next < this.#position) watcher.next = this.#position;
      if (watcher.next > this.#history.revision) this.#arrive(watcher);
      else if (watcher.hungry) this.#enqueue(watcher);
    }
  }

  /** Compaction has passed the round. Members that stand further ahead may still make it. */
  #compacted(): void {
    const { compactedRevision } = this.#history;
    for (const watcher of this.#members) {
      if (watcher.joined && watcher.next < compactedRevision) this.#overtaken(watcher);
    }
    this.#position = compactedRevision;
  }

  #overtaken(watcher: WatcherState): void {
    this.#finish(watcher, { batch: { kind: 'compacted', compactRevision: this.#history.compactedRevision } });
  }

  /** The world failed, for everybody in the round. */
  #failed(error: unknown): void {
    for (const watcher of this.#members) if (watcher.joined) this.#finish(watcher, { error });
  }

  #finish(watcher: WatcherState, end: NonNullable<WatcherState['end']>): void {
    this.leave(watcher);
    watcher.becomeEnded(end);
    if (watcher.armed) this.#bell.ring(watcher);
  }

  #arrive(watcher: WatcherState): void {
    this.#unfind(watcher);
    this.#live.enter(watcher, this.#history.revision);
  }

  #enqueue(watcher: WatcherState): void {
    this.#queue.add(watcher);
    this.#newcomers.push(watcher);
    if (watcher.findable) return;
    watcher.findable = true;
    this.#index.add(watcher);
  }

  #unfind(watcher: WatcherState): void {
    if (!watcher.findable) return;
    watcher.findable = false;
    this.#index.delete(watcher);
  }
}
