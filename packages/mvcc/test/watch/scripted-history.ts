import { Deferred } from '@kontiki/std';
import { decodeKeyValue, encodeDeleted, encodePut, encodeTombstone } from '../../src/codec.js';
import { compactedError } from '../../src/errors.js';
import type { Key, KeyValue, StoredChange } from '../../src/types.js';
import type { History } from '../../src/watch/history.js';

/** One change of a write, as a test asks for it. */
export interface Ask {
  readonly type: 'put' | 'delete';
  readonly key: Key;
}

/** A change as everybody should see it, whatever happened to history since. */
export interface Fact {
  readonly type: 'put' | 'delete';
  readonly key: Key;
  readonly revision: number;
  readonly kv: KeyValue;
  /** State of the key before the write; undefined when it did not exist then, or the change creates it. */
  readonly previous: KeyValue | undefined;
}

/** What the put at place `i` of a write puts. */
export function valueOfPut(revision: number, i: number): Uint8Array {
  return Uint8Array.of(revision, i);
}

/** A history that is an array, and a scan that moves one chunk each time the test says so. */
export class ScriptedHistory implements History {
  revision = 1;
  compactedRevision = -1;
  /** Everything that ever happened. */
  readonly facts: Fact[] = [];
  /** Whole revisions in a chunk. */
  chunkRevisions = 2;
  /** What the last write changed. */
  latest: readonly StoredChange[] = [];
  /** How many scans were begun, and how many of them are still open. */
  scans = 0;
  openScans = 0;
  /** The next chunk fails with it. */
  failure: Error | undefined;
  #kept: StoredChange[] = [];
  #current = new Map<Key, KeyValue>();
  readonly #states = new Map<number, ReadonlyMap<Key, KeyValue>>([[1, new Map()]]);
  #exchanges = 0;
  #gates: Deferred<void>[] = [];
  #isOpen = false;

  /** One write. A delete of what is not there changes nothing; @returns what it changed, empty when there is no new revision. */
  write(asked: readonly Ask[]): readonly StoredChange[] {
    const main = this.revision + 1;
    const before = this.#current;
    const now = new Map(before);
    const changes: StoredChange[] = [];
    for (const [i, { type, key }] of asked.entries()) {
      const old = now.get(key);
      if (type === 'delete' && old === undefined) continue;
      const sub = changes.length;
      const value = valueOfPut(main, i);
      if (type === 'put') {
        const created = old === undefined ? main : old.createRevision;
        const encoded = encodePut(key, created, main, (old?.version ?? 0) + 1, value, 0n);
        changes.push({ key, type, encoded, revision: { main, sub } });
        now.set(key, decodeKeyValue(encoded));
      } else {
        changes.push({ key, type, encoded: encodeTombstone(key), revision: { main, sub } });
        now.delete(key);
      }
      const kv = decodeKeyValue(type === 'put' ? changes[sub]!.encoded : encodeDeleted(key, main));
      const isCreate = kv.createRevision === main;
      this.facts.push({ type, key, revision: main, kv, previous: isCreate ? undefined : before.get(key) });
    }
    if (changes.length === 0) return changes;
    this.revision = main;
    this.latest = changes;
    this.#current = now;
    this.#states.set(main, now);
    this.#kept.push(...changes);
    return changes;
  }

  /** At once and physically, so that a scan that is under way gets to feel it. */
  compact(revision: number): void {
    this.compactedRevision = revision;
    const newest = new Map<Key, StoredChange>();
    for (const change of this.#kept) if (change.revision.main <= revision) newest.set(change.key, change);
    this.#kept = this.#kept.filter((change) => {
      if (change.revision.main > revision) return true;
      if (newest.get(change.key) !== change) return change.revision.main === revision;
      return change.type === 'put' || change.revision.main === revision;
    });
  }

  /** Takes writes, and perhaps a compaction, that happened elsewhere. What open scans still read is not to be believed. */
  exchange(missed: readonly (readonly Ask[])[], back: number | undefined): void {
    for (const asked of missed) this.write(asked);
    if (back !== undefined && this.revision - back > this.compactedRevision) this.compact(this.revision - back);
    this.#exchanges++;
  }

  /** Lets scans go on by one chunk each, or from now on freely. */
  proceed(freely = false): void {
    this.#isOpen ||= freely;
    const gates = this.#gates;
    this.#gates = [];
    for (const gate of gates) gate.resolve();
  }

  async *scan(from: number, to: number): AsyncGenerator<readonly StoredChange[]> {
    this.scans++;
    this.openScans++;
    const exchanges = this.#exchanges;
    try {
      for (let position = from; position <= to; ) {
        if (!this.#isOpen) {
          const gate = new Deferred<void>();
          this.#gates.push(gate);
          await gate.promise;
        }
        if (this.failure !== undefined) throw this.failure;
        if (this.#exchanges !== exchanges) {
          if (this.revision % 3 === 0) throw new Error('an old scan failed');
          if (this.revision % 3 === 1) yield lies(position);
          return;
        }
        if (from < this.compactedRevision && this.revision % 2 === 0)
          throw compactedError(from, this.compactedRevision);
        // Compaction leaves holes: a chunk is so many revisions that are there.
        const chunk: StoredChange[] = [];
        const revisions = new Set<number>();
        for (const change of this.#kept) {
          const { main } = change.revision;
          if (main < position || main > to) continue;
          if (!revisions.has(main) && revisions.size === this.chunkRevisions) break;
          revisions.add(main);
          chunk.push(change);
        }
        if (chunk.length === 0) return;
        position = chunk[chunk.length - 1]!.revision.main + 1;
        yield chunk;
      }
    } finally {
      this.openScans--;
    }
  }

  at(key: Key, revision: number): Uint8Array | undefined {
    if (revision < this.compactedRevision) return undefined;
    const kv = this.#states.get(revision)?.get(key);
    return kv === undefined
      ? undefined
      : encodePut(key, kv.createRevision, kv.modRevision, kv.version, kv.value, kv.lease);
  }
}

/** What did not happen, to every key. */
function lies(main: number): readonly StoredChange[] {
  return ['a', 'ab', 'b', 'b\0', 'c'].map((key, sub) => {
    const encoded = encodePut(key, main, main, 1, Uint8Array.of(0xff, 0xff), 0n);
    return { key, type: 'put', encoded, revision: { main, sub } };
  });
}
