import { fromEtcd, MvccError, type WatchBatch, type Watcher } from '@kontiki/mvcc';
import { errors, rpc } from '@kontiki/proto';
import { type Clock, type Counter, Deferred, type Random, type Timer } from '@kontiki/std';
import type { Node } from '../node/node.js';
import { HeaderField, header } from './header.js';
import { type Encoded, type Service, type StreamCall, service } from './service.js';
import { WatchBytes, watchIdField } from './watch-bytes.js';

type WatchStream = StreamCall<rpc.WatchRequest, rpc.WatchResponse>;

/** What a client gets for an id when there is no watcher to name: a failed create, or news about the whole stream. */
const NO_WATCHER = -1n;
const NOPUT = rpc.WatchCreateRequest_FilterType.NOPUT;
const NODELETE = rpc.WatchCreateRequest_FilterType.NODELETE;
const ZERO_KEY = Uint8Array.of(0);

export interface WatchServiceOptions {
  /** How often an idle watcher that asked for it hears the revision. */
  readonly progressNotifyMs: number;
  /** A response of more bytes is split for a watcher that asked for fragments. */
  readonly fragmentBytes: number;
  readonly clock: Clock;
  readonly random: Random;
  /** Streams that are open. */
  readonly streams: { add(amount: number): void };
  /** Events handed to clients. */
  readonly events: Counter;
}

export function watchService(node: Node, given: WatchServiceOptions): Service {
  const options = { ...given, bytes: new WatchBytes(new HeaderField(node)) };
  return service(rpc.WatchDefinition, {
    async watch(stream) {
      options.streams.add(1);
      try {
        await new WatchSession(node, options, stream).run();
      } finally {
        options.streams.add(-1);
      }
    },
  });
}

interface SessionOptions extends WatchServiceOptions {
  readonly bytes: WatchBytes;
}

interface Watched {
  readonly id: bigint;
  /** The id as a field of a response. */
  readonly idField: Uint8Array;
  readonly watcher: Watcher;
  readonly progressNotify: boolean;
  readonly fragment: boolean;
  /** Something was sent since the last progress tick. */
  active: boolean;
}

/**
 * The watchers of one stream.
 *
 * Everything is written by one loop: control answers in the order they arose, then events of whoever is readable, one
 * batch each in turn. When the client reads slowly the loop waits, and the watchers fall back on history by themselves.
 * Invariant: a watcher's `created` is written before its events, nothing of it after its `canceled`.
 */
class WatchSession {
  readonly #node: Node;
  readonly #options: SessionOptions;
  readonly #stream: WatchStream;
  readonly #watched = new Map<bigint, Watched>();
  /** Ids of watchers that a compaction ended: etcd goes on knowing them until the client cancels them. */
  readonly #overtaken = new Set<bigint>();
  readonly #control: rpc.WatchResponse[] = [];
  /** Watchers with something to take, in order of becoming so. */
  readonly #readable = new Set<Watched>();
  #nextId = 0n;
  #progressTimer: Timer | undefined;
  #writing = false;
  #ended = false;
  readonly #failed = new Deferred<never>();

  constructor(node: Node, options: SessionOptions, stream: WatchStream) {
    this.#node = node;
    this.#options = options;
    this.#stream = stream;
    // Heard by run(), which may have ended before.
    this.#failed.promise.catch(() => {});
  }

  /** Ends when the client leaves; its half-close does not end it. */
  async run(): Promise<void> {
    const left = new Promise<void>((resolve) => this.#stream.onCancel(resolve));
    const listen = async (): Promise<void> => {
      for await (const request of this.#stream.requests) this.#handle(request);
      await left;
    };
    try {
      await Promise.race([listen(), this.#failed.promise]);
    } finally {
      this.#ended = true;
      this.#progressTimer?.cancel();
      for (const { watcher } of this.#watched.values()) watcher.cancel();
      this.#watched.clear();
      this.#readable.clear();
    }
  }

  #handle({ requestUnion: request }: rpc.WatchRequest): void {
    switch (request?.$case) {
      case 'createRequest':
        return this.#create(request.value);
      case 'cancelRequest':
        return this.#cancel(request.value.watchId);
      case 'progressRequest':
        return this.#progress();
      // A kind we do not know is passed over, as etcd does.
      case undefined:
    }
  }

  #create(request: rpc.WatchCreateRequest): void {
    // Asked before anything else about the range, as in etcd.
    if (request.startRevision < 0) return this.#refuse(errors.etcdErrors.Compacted.message);
    // The newest revision the answer may claim: a watcher from "now" starts right after it.
    const revision = this.#node.revision();
    let watched: Watched | undefined;
    let watcher: Watcher;
    try {
      watcher = this.#node.store.watch({
        range: fromEtcd(request.key.length === 0 ? ZERO_KEY : request.key, request.rangeEnd),
        startRevision: request.startRevision,
        prevKv: request.prevKv,
        filters: request.filters.flatMap((filter) =>
          filter === NOPUT ? (['put'] as const) : filter === NODELETE ? (['delete'] as const) : [],
        ),
        onReadable: () => {
          if (watched !== undefined) this.#becameReadable(watched);
        },
      });
    } catch (error) {
      return this.#refuse(refusal(error));
    }
    // Only now: a watch that is refused for its range uses up no id.
    const id = this.#idFor(request.watchId);
    if (id === undefined) {
      watcher.cancel();
      return this.#refuse('mvcc: duplicate watch ID provided on the WatchStream');
    }
    const { progressNotify, fragment } = request;
    watched = { id, idField: watchIdField(id), watcher, progressNotify, fragment, active: true };
    this.#watched.set(id, watched);
    if (request.progressNotify) this.#startProgress();
    this.#answer({ watchId: id, created: true, header: header(this.#node, revision) });
  }

  /** A chosen id as it is, or the lowest never given one; undefined when the chosen one is taken. */
  #idFor(chosen: bigint): bigint | undefined {
    const taken = (id: bigint): boolean => this.#watched.has(id) || this.#overtaken.has(id);
    if (chosen !== 0n) return taken(chosen) ? undefined : chosen;
    while (taken(this.#nextId)) this.#nextId++;
    return this.#nextId++;
  }

  #refuse(reason: string): void {
    this.#answer({
      watchId: NO_WATCHER,
      created: true,
      canceled: true,
      cancelReason: reason,
      header: header(this.#node),
    });
  }

  #cancel(id: bigint): void {
    const watched = this.#watched.get(id);
    if (watched !== undefined) this.#drop(watched);
    // Not ours, or cancelled already: no answer, as in etcd.
    else if (!this.#overtaken.delete(id)) return;
    this.#answer({ watchId: id, canceled: true, header: header(this.#node) });
  }

  #drop(watched: Watched): void {
    watched.watcher.cancel();
    this.#watched.delete(watched.id);
    this.#readable.delete(watched);
  }

  /** Answered only when the answer is proof: every watcher has been sent everything up to the revision it names. */
  #progress(): void {
    if (this.#watched.size === 0) return;
    for (const { watcher } of this.#watched.values()) if (!watcher.synced) return;
    this.#answer({ watchId: NO_WATCHER, header: header(this.#node) });
  }

  /** One ticker for the stream, from its first watcher that asked on. Jitter keeps many streams from ticking at once. */
  #startProgress(): void {
    if (this.#progressTimer !== undefined) return;
    const { clock, random, progressNotifyMs } = this.#options;
    const jitterMs = random.int(Math.max(1, Math.floor(progressNotifyMs / 10)));
    this.#progressTimer = clock.every(progressNotifyMs + jitterMs, () => {
      for (const watched of this.#watched.values()) {
        if (!watched.progressNotify) continue;
        if (!watched.active && watched.watcher.synced) {
          this.#answer({ watchId: watched.id, header: header(this.#node) });
        }
        watched.active = false;
      }
    });
  }

  #answer(response: Partial<rpc.WatchResponse>): void {
    this.#control.push(rpc.WatchResponse.fromPartial(response));
    this.#write();
  }

  #becameReadable(watched: Watched): void {
    if (this.#ended || !this.#watched.has(watched.id)) return;
    this.#readable.add(watched);
    this.#write();
  }

  #write(): void {
    if (this.#writing || this.#ended) return;
    this.#writing = true;
    this.#writeAll()
      // History that cannot be read ends the stream with the reason: its client must not wait for what never comes.
      .catch((error: unknown) => this.#failed.reject(error))
      .finally(() => {
        this.#writing = false;
        if (this.#control.length > 0 || this.#readable.size > 0) this.#write();
      });
  }

  async #writeAll(): Promise<void> {
    for (;;) {
      if (this.#ended) return;
      const control = this.#control.shift();
      if (control !== undefined) {
        if (!this.#stream.write(control)) await this.#stream.drained();
        continue;
      }
      const [watched] = this.#readable;
      if (watched === undefined) return;
      this.#readable.delete(watched);
      const batch = this.#take(watched);
      if (batch === undefined) continue;
      // Behind the others: a busy watcher does not keep a quiet one waiting.
      this.#readable.add(watched);
      for (const { response, events } of this.#responses(watched, batch)) {
        this.#options.events.add(events);
        if (!this.#stream.write(response)) await this.#stream.drained();
        if (this.#ended) return;
      }
    }
  }

  #take(watched: Watched): WatchBatch | undefined {
    const batch = watched.watcher.take();
    if (batch !== undefined) watched.active = true;
    return batch;
  }

  *#responses(
    { id, idField, fragment }: Watched,
    batch: WatchBatch,
  ): Generator<{ readonly response: rpc.WatchResponse | Encoded; readonly events: number }> {
    if (batch.kind === 'compacted') {
      this.#drop(this.#watched.get(id)!);
      this.#overtaken.add(id);
      const response = rpc.WatchResponse.fromPartial({
        // etcd's quirk: this one answer names no revision.
        header: { ...header(this.#node), revision: 0 },
        watchId: id,
        canceled: true,
        compactRevision: batch.compactRevision,
      });
      yield { response, events: 0 };
      return;
    }
    const { bytes, fragmentBytes } = this.#options;
    const { revision, events } = batch;
    if (fragment) yield* bytes.fragments(idField, revision, events, fragmentBytes);
    else yield { response: bytes.whole(idField, revision, events), events: events.length };
  }
}

function refusal(error: unknown): string {
  if (error instanceof MvccError && error.code === 'EMPTY_RANGE') return 'mvcc: watcher range is empty';
  throw error;
}
