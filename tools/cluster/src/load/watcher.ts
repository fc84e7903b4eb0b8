import type { WatchAnswer, WatchEvent, WatchTrace } from '@kontiki/sim';
import { bytes, type Change, changeOf, endOf, printChange } from '../../../crash/src/index.js';
import { Client } from '../../../harness/src/index.js';
import { sleep } from '../cluster.js';
import type { ClusterMember } from '../member.js';

/**
 * A watcher at one member that outlives its connections: after each break it asks for what comes behind the last
 * revision it has, as the API promises it may.
 */
export class ClusterWatcher {
  readonly name: string;
  readonly member: ClusterMember;
  readonly #prefix: string;
  #next: number;
  #sessions: { readonly from: number; readonly answers: WatchAnswer[] }[] = [];
  #client: Client | undefined;
  #running = true;
  readonly #done: Promise<void>;
  /** Cancellations and failures nobody is told to expect. */
  readonly faults: string[] = [];
  breaks = 0;
  events = 0;

  /** @param prefix  of its keys; empty: all */
  constructor(member: ClusterMember, prefix: string, from: number) {
    this.member = member;
    this.name = `${prefix === '' ? 'all' : prefix} at ${member.name}`;
    this.#prefix = prefix;
    this.#next = from;
    this.#done = this.#live();
  }

  /** It has everything of its range below this. */
  get next(): number {
    return this.#next;
  }

  get prefix(): string {
    return this.#prefix;
  }

  /** What it got since the last call, up to a revision; what is behind that belongs to the next trace. */
  takeTrace(completeTo: number): WatchTrace {
    const start = this.#prefix === '' ? '\0' : this.#prefix;
    const end = this.#prefix === '' ? '\u{10ffff}' : Buffer.from(endOf(this.#prefix)).toString('latin1');
    const later: WatchAnswer[] = [];
    const sessions = this.#sessions.map(({ from, answers }) => ({
      from,
      answers: answers.flatMap(({ headerRevision, events }) => {
        const behind = events.filter(({ revision }) => revision > completeTo);
        if (behind.length > 0) later.push({ headerRevision, events: behind });
        const upTo = events.filter(({ revision }) => revision <= completeTo);
        return upTo.length > 0 || events.length === 0 ? [{ headerRevision, events: upTo }] : [];
      }),
    }));
    this.#sessions = [{ from: completeTo + 1, answers: later }];
    return { name: this.name, start, end, sessions, completeTo };
  }

  async close(): Promise<void> {
    this.#running = false;
    this.#client?.close();
    await this.#done;
  }

  async #live(): Promise<void> {
    while (this.#running) {
      const client = new Client(this.member.endpoint);
      this.#client = client;
      this.#sessions.push({ from: this.#next, answers: [] });
      let broken = false;
      const stream = client.watch((response) => {
        if (broken || !this.#running) return;
        if (response.canceled) {
          this.faults.push(
            `cancelled at ${this.#next}: compacted ${response.compactRevision}, ${response.cancelReason}`,
          );
          broken = true;
          stream.cancel();
          return;
        }
        if (response.created) return;
        this.#take(response.header?.revision ?? 0, response.events.map(changeOf));
      });
      const all = bytes('\0');
      const key = this.#prefix === '' ? all : bytes(this.#prefix);
      const rangeEnd = this.#prefix === '' ? all : endOf(this.#prefix);
      const value = { key, rangeEnd, startRevision: this.#next, progressNotify: true };
      stream.send({ requestUnion: { $case: 'createRequest', value } });
      await stream.ended;
      client.close();
      this.breaks += 1;
      if (this.#running) await sleep(100);
    }
  }

  #take(headerRevision: number, changes: readonly Change[]): void {
    const events = changes.map(eventOf);
    this.events += events.length;
    this.#sessions.at(-1)!.answers.push({ headerRevision, events });
    for (const { revision } of events) this.#next = Math.max(this.#next, revision + 1);
  }
}

/** A change as the checker of watches has it. */
export function eventOf(change: Change): WatchEvent {
  const revision = change.type === 'put' ? change.entry.modRevision : change.modRevision;
  return { revision, key: change.key, text: printChange(change) };
}
