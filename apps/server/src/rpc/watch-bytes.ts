/**
 * Watch responses as bytes: an event is encoded once for all who watch it, a header once for all who are told of its
 * revision.
 */
import type { Event } from '@kontiki/mvcc';
import { encodeEvent } from '@kontiki/proto';
import type { HeaderField } from './header.js';
import { Encoded } from './service.js';

const WATCH_ID_TAG = 0x10;
const FRAGMENT: Uint8Array = Uint8Array.of(0x38, 1);
const EVENTS_TAG = 0x5a;
const PUT = 0;
const DELETE = 1;

const eventFields = new WeakMap<Event, Uint8Array>();

/** The event as a field of a response. */
function eventField(event: Event): Uint8Array {
  const known = eventFields.get(event);
  if (known !== undefined) return known;
  const body = encodeEvent(event.type === 'put' ? PUT : DELETE, event.encodedKv, event.encodedPrevKv);
  const field = fieldOf(EVENTS_TAG, body);
  eventFields.set(event, field);
  return field;
}

/** A watcher's id as a field of a response; 0 is left out. */
export function watchIdField(id: bigint): Uint8Array {
  if (id === 0n) return new Uint8Array(0);
  const bytes = [WATCH_ID_TAG];
  let rest = BigInt.asUintN(64, id);
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}

export class WatchBytes {
  readonly #headers: HeaderField;

  constructor(headers: HeaderField) {
    this.#headers = headers;
  }

  /** One response with all the events. */
  whole(watchId: Uint8Array, revision: number, events: readonly Event[]): Encoded {
    const header = this.#headers.encode(revision);
    const parts = [header, watchId];
    for (const event of events) parts.push(eventField(event));
    return new Encoded(parts);
  }

  /**
   * Splits between events so that each part stays below `maxBytes` where one event alone does; all but the last say so.
   */
  *fragments(
    watchId: Uint8Array,
    revision: number,
    events: readonly Event[],
    maxBytes: number,
  ): Generator<{ readonly response: Encoded; readonly events: number }> {
    const header = this.#headers.encode(revision);
    const overhead = header.length + watchId.length;
    const fields = events.map(eventField);
    const bytes = fields.reduce((sum, field) => sum + field.length, overhead);
    if (fields.length < 2 || bytes < maxBytes) {
      yield { response: new Encoded([header, watchId].concat(fields)), events: fields.length };
      return;
    }
    let part: Uint8Array[] = [];
    let partBytes = overhead;
    for (const field of fields) {
      if (part.length > 0 && partBytes + field.length >= maxBytes) {
        yield { response: new Encoded([header, watchId, FRAGMENT].concat(part)), events: part.length };
        part = [];
        partBytes = overhead;
      }
      part.push(field);
      partBytes += field.length;
    }
    yield { response: new Encoded([header, watchId].concat(part)), events: part.length };
  }
}

function fieldOf(tag: number, body: Uint8Array): Uint8Array {
  const length: number[] = [];
  let rest = body.length;
  while (rest > 0x7f) {
    length.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  length.push(rest);
  const field = new Uint8Array(1 + length.length + body.length);
  field[0] = tag;
  field.set(length, 1);
  field.set(body, 1 + length.length);
  return field;
}
