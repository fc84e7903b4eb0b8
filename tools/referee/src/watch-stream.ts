import { rpc } from '@kontiki/proto';
import type { RawAnswer, RawClient, RawStream } from '../../harness/src/index.js';
import type { Identity } from './answer.js';
import type { WatchCreate } from './operation.js';
import { watchCancelMessage, watchProgressMessage } from './requests.js';
import { MasterLog, WatcherLog } from './watch-log.js';

const path = '/etcdserverpb.Watch/Watch';

/** One watch stream to one server: requests go out as asked, responses are filed under the watcher they belong to. */
export class WatchStream {
  /** Every watcher ever asked for here, in order. */
  readonly watchers: WatcherLog[] = [];
  /** Header revisions of the stream-wide progress responses. */
  readonly progress: number[] = [];
  readonly faults: string[] = [];
  /** How the stream ended, once it has. */
  ended: RawAnswer | undefined;
  readonly #stream: RawStream;
  readonly #identity: Identity;
  readonly #byId = new Map<bigint, WatcherLog>();
  #created = 0;

  constructor(client: RawClient, identity: Identity) {
    this.#identity = identity;
    this.#stream = client.duplex(path, (bytes) => this.#take(bytes));
    void this.#stream.ended.then((status) => {
      this.ended = status;
    });
  }

  create(operation: WatchCreate, message: Uint8Array, start: bigint, compacted: bigint): WatcherLog {
    const watcher = new WatcherLog(operation, start, compacted);
    this.watchers.push(watcher);
    this.#stream.send(message);
    return watcher;
  }

  /** The live watcher of that id. */
  live(id: bigint): WatcherLog | undefined {
    const watcher = this.#byId.get(id);
    return watcher?.live === true ? watcher : undefined;
  }

  cancel(id: bigint): void {
    this.#stream.send(watchCancelMessage(id));
  }

  requestProgress(): void {
    this.#stream.send(watchProgressMessage());
  }

  close(): void {
    this.#stream.cancel();
  }

  #take(bytes: Uint8Array): void {
    const response = rpc.WatchResponse.decode(bytes);
    if (response.created) {
      const watcher = this.watchers[this.#created++];
      if (watcher === undefined) {
        this.faults.push('a created reply to no request');
        return;
      }
      watcher.take(response, this.#identity);
      if (!response.canceled) this.#byId.set(response.watchId, watcher);
      return;
    }
    const quiet = response.events.length === 0 && !response.canceled;
    if (quiet && response.watchId === -1n) {
      this.progress.push(response.header?.revision ?? 0);
      return;
    }
    const watcher = this.#byId.get(response.watchId);
    if (watcher === undefined) this.faults.push(`a response for watcher ${response.watchId}, which was never created`);
    else watcher.take(response, this.#identity);
  }
}

/** Watches every key from a revision on, so that the run knows what happened. */
export class MasterWatch {
  readonly log: MasterLog;
  readonly #stream: RawStream;
  created = false;

  /** @param after the first event wanted is that of the next revision */
  constructor(client: RawClient, identity: Identity, after: number, createMessage: Uint8Array) {
    this.log = new MasterLog(after);
    this.#stream = client.duplex(path, (bytes) => {
      const response = rpc.WatchResponse.decode(bytes);
      if (response.created) this.created = true;
      this.log.take(response, identity);
    });
    this.#stream.send(createMessage);
  }

  close(): void {
    this.#stream.cancel();
  }
}
