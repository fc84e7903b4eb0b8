import { copy } from '@kontiki/std';
import { decodeKeyValue, encodeDeleted } from '../codec.js';
import type { Event, Key, KeyValue, StoredChange } from '../types.js';
import type { History } from './history.js';

/** A batch of events, as a watcher gives it. */
export interface EventBatch {
  readonly kind: 'events';
  readonly revision: number;
  readonly events: readonly Event[];
}

/** What an event weighs besides its bytes, about. */
const OBJECT_BYTES = 128;

/**
 * One change, shared by every watcher it concerns. Its {@link Event}, the variant that shows what was before, and the batch of this event
 * alone are made when the first watcher takes them, each at most once.
 */
export class SharedEvent {
  readonly key: Key;
  readonly type: Event['type'];
  readonly revision: number;
  /** What it keeps in memory, about. */
  readonly bytes: number;
  /** Buffers that hold it; kept by {@link Backlog}. */
  holders = 0;
  #encoded: Uint8Array;
  #plain: PlainEvent | undefined;
  #withPrevious: Event | undefined;
  #alone: EventBatch | undefined;
  #aloneWithPrevious: EventBatch | undefined;

  constructor(change: StoredChange) {
    this.key = change.key;
    this.type = change.type;
    this.revision = change.revision.main;
    this.bytes = change.encoded.length + change.key.length + OBJECT_BYTES;
    this.#encoded = change.encoded;
  }

  /** @param prevKv  with what was before, where there is something to show and it is not compacted by now */
  event(prevKv: boolean, history: History): Event {
    return prevKv && this.#isPreviousKept(history) ? this.#previous(history) : this.#event();
  }

  /** The event as a batch of its own. */
  alone(prevKv: boolean, history: History): EventBatch {
    if (prevKv && this.#isPreviousKept(history)) {
      return (this.#aloneWithPrevious ??= batchOf(this.revision, this.#previous(history)));
    }
    return (this.#alone ??= batchOf(this.revision, this.#event()));
  }

  /** For one that outlives its neighbours: gets memory of its own, and lets go of the block all of them were written into. */
  isolate(): void {
    if (this.#encoded.byteLength === this.#encoded.buffer.byteLength) return;
    this.#encoded = copy(this.#encoded);
    if (this.type === 'put') this.#plain?.move(this.#encoded);
  }

  #isPreviousKept(history: History): boolean {
    return this.revision - 1 >= history.compactedRevision;
  }

  #event(): PlainEvent {
    // A tombstone is stored without the revision that is its name; watchers are told.
    return (this.#plain ??= new PlainEvent(
      this.type,
      this.type === 'put' ? this.#encoded : encodeDeleted(this.key, this.revision),
    ));
  }

  #previous(history: History): Event {
    return (this.#withPrevious ??= this.#lookUp(history));
  }

  /** As of the revision before this one, so that a put after a delete in the same write, a creation, shows nothing. */
  #lookUp(history: History): Event {
    const event = this.#event();
    if (event.type === 'put' && event.kv.createRevision === event.kv.modRevision) return event;
    const previous = history.at(this.key, this.revision - 1);
    return previous === undefined ? event : new EventWithPrevious(event, previous);
  }
}

function batchOf(revision: number, event: Event): EventBatch {
  return { kind: 'events', revision, events: [event] };
}

/** Decodes itself when somebody looks: a server passes the bytes on. */
class PlainEvent implements Event {
  readonly type: Event['type'];
  #encodedKv: Uint8Array;
  #kv: KeyValue | undefined;

  constructor(type: Event['type'], encodedKv: Uint8Array) {
    this.type = type;
    this.#encodedKv = encodedKv;
  }

  get encodedKv(): Uint8Array {
    return this.#encodedKv;
  }

  get kv(): KeyValue {
    return (this.#kv ??= decodeKeyValue(this.#encodedKv));
  }

  /** The same bytes, elsewhere. */
  move(encodedKv: Uint8Array): void {
    this.#encodedKv = encodedKv;
    this.#kv = undefined;
  }
}

class EventWithPrevious implements Event {
  readonly type: Event['type'];
  readonly encodedPrevKv: Uint8Array;
  readonly #plain: Event;
  #prevKv: KeyValue | undefined;

  constructor(plain: Event, encodedPrevKv: Uint8Array) {
    this.type = plain.type;
    this.encodedPrevKv = encodedPrevKv;
    this.#plain = plain;
  }

  get encodedKv(): Uint8Array {
    return this.#plain.encodedKv;
  }

  get kv(): KeyValue {
    return this.#plain.kv;
  }

  get prevKv(): KeyValue {
    return (this.#prevKv ??= decodeKeyValue(this.encodedPrevKv));
  }
}
