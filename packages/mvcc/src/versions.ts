import type { Backend } from './backend/backend.js';
import { KEY_TABLE } from './backend/layout.js';
import { MvccError } from './errors.js';
import type { KeyIndex } from './index/key-index.js';
import { encodeRevision } from './revision.js';
import type { Source } from './txn/view.js';
import type { Sink } from './txn/write.js';
import type { StoredChange } from './types.js';
import { ValueCache } from './value-cache.js';

/** Every version there is: the index says where, and bytes come from the cache or else from the backend. */
export class Versions implements Source, Sink {
  readonly index: KeyIndex;
  compactedRevision: number;
  readonly #backend: Backend;
  readonly #cache: ValueCache;
  /** Of the values stored, about: a compaction takes away that many, of average size. */
  #count: number;
  #bytes: number;

  constructor(
    backend: Backend,
    cacheBytes: number,
    from: { index: KeyIndex; compactedRevision: number; versions: number; valueBytes: number },
  ) {
    this.#backend = backend;
    this.#cache = new ValueCache(cacheBytes);
    this.index = from.index;
    this.compactedRevision = from.compactedRevision;
    this.#count = from.versions;
    this.#bytes = from.valueBytes;
    this.allocate = this.#cache.allocate;
  }

  readonly allocate: (length: number) => Uint8Array;

  load(main: number, sub: number, keep: boolean): Uint8Array {
    const cached = this.#cache.get(main, sub);
    if (cached !== undefined) return cached;
    const stored = this.#backend.get(KEY_TABLE, encodeRevision(main, sub, false));
    if (stored === undefined) throw new MvccError('CORRUPT', `revision ${main}.${sub} is in the index but not stored`);
    return keep ? this.#cache.copyIn(main, sub, stored) : stored;
  }

  store({ type, encoded, revision: { main, sub } }: StoredChange): void {
    const tombstone = type === 'delete';
    this.#backend.put(KEY_TABLE, encodeRevision(main, sub, tombstone), encoded);
    this.#count++;
    this.#bytes += encoded.length;
    if (!tombstone) this.#cache.set(main, sub, encoded);
  }

  get meanValueBytes(): number {
    return this.#count === 0 ? 0 : Math.round(this.#bytes / this.#count);
  }

  /** So many versions were removed. */
  dropped(versions: number): void {
    this.#bytes -= this.meanValueBytes * versions;
    this.#count -= versions;
  }
}
