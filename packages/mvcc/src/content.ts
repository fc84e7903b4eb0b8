import { Deferred, silentLogger } from '@kontiki/std';
import type { Backend } from './backend/backend.js';
import { Compactor } from './compactor.js';
import type { MvccMetrics } from './metrics.js';
import type { MvccOptions } from './options.js';
import type { Restored } from './restore.js';
import { Versions } from './versions.js';

const DEFAULT_CACHE = 64 * 2 ** 20;

/**
 * All that a store holds, on one backend. A store has one at a time; when it takes another, the old one lives on for those that were
 * reading it.
 */
export class Content {
  readonly backend: Backend;
  readonly versions: Versions;
  readonly compactor: Compactor;
  /** That of the newest write. */
  revision: number;
  /** Reads under way that take their time. */
  #readers = 0;
  readonly #unread = new Deferred<void>();
  #retired = false;

  constructor(backend: Backend, versions: Versions, compactor: Compactor, revision: number) {
    this.backend = backend;
    this.versions = versions;
    this.compactor = compactor;
    this.revision = revision;
  }

  /** A read begins that takes its time. */
  enter(): void {
    this.#readers++;
  }

  /** It is over. */
  leave(): void {
    this.#readers--;
    if (this.#retired && this.#readers === 0) this.#unread.resolve();
  }

  /** For the time of a read. */
  async during<T>(read: () => Promise<T>): Promise<T> {
    this.enter();
    try {
      return await read();
    } finally {
      this.leave();
    }
  }

  /** Once nobody begins to use it any more: ends the running compaction. Resolves when the backend is not used. */
  async retire(): Promise<void> {
    this.#retired = true;
    if (this.#readers === 0) this.#unread.resolve();
    await Promise.all([this.compactor.close(), this.#unread.promise]);
  }
}

/** What was read from a backend, ready to be used. */
export function contentOf(
  backend: Backend,
  restored: Restored,
  options: Omit<MvccOptions, 'backend'>,
  metrics: MvccMetrics,
): Content {
  const versions = new Versions(backend, options.valueCacheBytes ?? DEFAULT_CACHE, restored);
  const compactor = new Compactor({
    index: versions.index,
    backend,
    clock: options.clock,
    logger: options.logger ?? silentLogger,
    metrics,
    batchLimit: options.compactionBatchLimit ?? 1000,
    pauseMs: options.compactionPauseMs ?? 10,
    meanValueBytes: () => versions.meanValueBytes,
    onDropped: (count) => versions.dropped(count),
  });
  return new Content(backend, versions, compactor, restored.revision);
}
