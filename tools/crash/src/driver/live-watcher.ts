import type { rpc } from '@kontiki/proto';
import type { Client, TypedStream } from '../../../harness/src/index.js';
import type { WatcherTrace } from '../evidence.js';
import type { Change } from '../store.js';
import { bytes, changeOf, endOf } from './convert.js';
import type { Recorder } from './recorder.js';

/** A watcher over many connections: after each break it asks for what comes after the last event it has. */
export class LiveWatcher {
  readonly name: string;
  readonly prefix: string;
  readonly single: boolean;
  readonly #recorder: Recorder;
  readonly #responses: { headerRevision: number; changes: readonly Change[] }[] = [];
  /** Cancellations: a watcher that never falls behind a compaction gets none. */
  readonly faults: string[] = [];
  #next: number;
  readonly #start: number;
  #stream: TypedStream<Parameters<typeof rpc.WatchRequest.fromPartial>[0]> | undefined;

  constructor(name: string, prefix: string, single: boolean, start: number, recorder: Recorder) {
    this.name = name;
    this.prefix = prefix;
    this.single = single;
    this.#start = start;
    this.#next = start;
    this.#recorder = recorder;
  }

  /** The revision of the last event it got; `start - 1` before the first. */
  get lastRevision(): number {
    return this.#next - 1;
  }

  get events(): number {
    return this.#responses.reduce((count, { changes }) => count + changes.length, 0);
  }

  connect(client: Client): void {
    const stream = client.watch((response) => this.#take(response));
    this.#stream = stream;
    const rangeEnd = this.single ? new Uint8Array(0) : endOf(this.prefix);
    const key = this.prefix === '' ? bytes('\0') : bytes(this.prefix);
    const value = { key, rangeEnd, startRevision: this.#next, progressNotify: true };
    stream.send({ requestUnion: { $case: 'createRequest', value } });
  }

  disconnect(): void {
    this.#stream?.cancel();
    this.#stream = undefined;
  }

  trace(completeTo: number): WatcherTrace {
    const { name, prefix, single } = this;
    return { name, prefix, single, start: this.#start, responses: this.#responses, completeTo };
  }

  #take(response: rpc.WatchResponse): void {
    if (response.canceled) {
      this.faults.push(`cancelled at ${this.#next}: compacted ${response.compactRevision} ${response.cancelReason}`);
    }
    if (response.events.length === 0) return;
    const headerRevision = response.header?.revision ?? 0;
    const changes = response.events.map(changeOf);
    this.#responses.push({ headerRevision, changes });
    for (const event of response.events) this.#next = Math.max(this.#next, (event.kv?.modRevision ?? 0) + 1);
    this.#recorder.see(this.lastRevision);
  }
}
