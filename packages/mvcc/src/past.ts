import type { Backend } from './backend/backend.js';
import { KEY_TABLE } from './backend/layout.js';
import { latin1Between, readFields } from './codec.js';
import type { Content } from './content.js';
import { decodeRevision, isTombstone, revisionBound } from './revision.js';
import type { Key, StoredChange } from './types.js';
import type { History } from './watch/history.js';

const CHUNK = 500;

/** The past of a store, whatever it holds at the time, as its watchers read it. */
export class Past implements History {
  readonly #content: () => Content;

  constructor(content: () => Content) {
    this.#content = content;
  }

  get revision(): number {
    return this.#content().revision;
  }

  get compactedRevision(): number {
    return this.#content().versions.compactedRevision;
  }

  async *scan(fromRevision: number, toRevision: number): AsyncGenerator<readonly StoredChange[]> {
    const content = this.#content();
    content.enter();
    try {
      yield* scanOf(content.backend, fromRevision, toRevision);
    } finally {
      content.leave();
    }
  }

  at(key: Key, revision: number): Uint8Array | undefined {
    const { versions } = this.#content();
    const found = revision < versions.compactedRevision ? undefined : versions.index.at(key, revision);
    return found && versions.load(found.main, found.sub, true);
  }
}

async function* scanOf(
  backend: Backend,
  fromRevision: number,
  toRevision: number,
): AsyncGenerator<readonly StoredChange[]> {
  const bounds = { start: revisionBound(fromRevision), end: revisionBound(toRevision + 1) };
  let read: StoredChange[] = [];
  // Whatever has the last revision so far may have more of it in the next chunk; it begins here.
  let last = 0;
  for await (const records of backend.scan(KEY_TABLE, { ...bounds, chunk: CHUNK })) {
    for (const record of records) {
      const change = toChange(record);
      if (read.length > 0 && read[read.length - 1]!.revision.main !== change.revision.main) last = read.length;
      read.push(change);
    }
    if (last === 0) continue;
    yield read.slice(0, last);
    read = read.slice(last);
    last = 0;
  }
  if (read.length > 0) yield read;
}

function toChange([revisionKey, encoded]: readonly [Uint8Array, Uint8Array]): StoredChange {
  const { keyStart, keyEnd } = readFields(encoded);
  const key = latin1Between(encoded, keyStart, keyEnd);
  return { key, type: isTombstone(revisionKey) ? 'delete' : 'put', encoded, revision: decodeRevision(revisionKey) };
}
