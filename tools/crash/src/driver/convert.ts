import type { kv } from '@kontiki/proto';
import { fromLatin1, toLatin1 } from '@kontiki/std';
import type { Change, Entry } from '../store.js';

/** Keys and values of a run are ASCII: their latin1 form loses nothing. */
export function bytes(text: string): Uint8Array {
  return fromLatin1(text);
}

export function entryOf(stored: kv.KeyValue): readonly [string, Entry] {
  const { createRevision, modRevision, version, lease } = stored;
  return [toLatin1(stored.key), { value: toLatin1(stored.value), createRevision, modRevision, version, lease }];
}

export function changeOf(event: kv.Event): Change {
  if (event.kv === undefined) throw new Error('an event without a key');
  const [key, entry] = entryOf(event.kv);
  return event.type === 1 ? { type: 'delete', key, modRevision: entry.modRevision } : { type: 'put', key, entry };
}

/** The end of the range of keys that begin with `prefix`, whose last character must be below 0xff. */
export function endOf(prefix: string): Uint8Array {
  if (prefix === '') return bytes('\0');
  return bytes(prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1));
}
