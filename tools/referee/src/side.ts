import { rpc } from '@kontiki/proto';
import { type RawAnswer, RawClient, type ServerKind } from '../../harness/src/index.js';
import { type Answer, anonymous, decodeResponse, type Identity, normalise, type Tree } from './answer.js';
import type { LeaseName, Operation, Revision } from './operation.js';
import {
  callOf,
  keepAliveMessage,
  type Names,
  type UnaryOperation,
  watchCreateMessage,
  watchMarkerMessage,
} from './requests.js';
import { MasterWatch, WatchStream } from './watch-stream.js';

/** A running server as the referee sees it. */
export interface Server {
  readonly kind: ServerKind;
  /** host:port for clients. */
  readonly endpoint: string;
  /** The addresses it names in its answers, and what they are called when two servers are compared. */
  readonly addresses: ReadonlyMap<string, string>;
  /** Absent when the process has ended. */
  readonly pid: number | undefined;
  log(maxBytes?: number): string;
  stop(): Promise<unknown>;
  startAgain(): Promise<unknown>;
  dispose(): Promise<void>;
}

/** Where a run stands; the same for both servers as long as they agree. */
export interface Standing {
  start: bigint;
  current: bigint;
  compacted: bigint;
}

/** How long an answer may take before its absence is the answer. */
const patienceMs = 5_000;

/** One of the two servers of a run, and everything the run has open on it. */
export class Side {
  readonly server: Server;
  readonly streams = new Map<number, WatchStream>();
  master: MasterWatch | undefined;
  #client: RawClient;
  #identity: Identity & { autoLeases: bigint[] };

  private constructor(server: Server, client: RawClient, identity: Identity & { autoLeases: bigint[] }) {
    this.server = server;
    this.#client = client;
    this.#identity = identity;
  }

  static async open(server: Server): Promise<Side> {
    const client = new RawClient(server.endpoint);
    return new Side(server, client, await identityOf(server, client));
  }

  /** Is the process still there? */
  get alive(): boolean {
    return this.server.pid !== undefined;
  }

  get identity(): Identity {
    return this.#identity;
  }

  names(standing: Standing): Names {
    return {
      revision: (revision) => revisionOf(revision, standing),
      lease: (name) => this.#leaseOf(name),
      member: (name) => (name === 'self' ? this.#identity.memberId : name),
    };
  }

  /** Does one operation and gives what it came to: one answer, or several of one that is several calls. */
  async perform(operation: Operation, standing: Standing): Promise<Answer[]> {
    const names = this.names(standing);
    switch (operation.kind) {
      case 'watch':
        return [await this.#watch(operation, names, standing)];
      case 'cancelWatch':
        return [await this.#cancelWatch(operation.stream, operation.id)];
      case 'progress':
        // Answers may be silence on both sides: only the two together can tell how long to wait.
        this.#streamAt(operation.stream).requestProgress();
        return [];
      case 'keepAlive':
        return [
          await this.#streamOf('/etcdserverpb.Lease/LeaseKeepAlive', keepAliveMessage(names.lease(operation.id))),
        ];
      case 'rawStream':
        return [await this.#streamOf(operation.path, Buffer.from(operation.bytes, 'latin1'))];
      case 'expire':
        return this.#expire(operation.id, operation.key, names);
      case 'restart':
        await this.#restart();
        return [];
      default:
        return [await this.#unary(operation, names)];
    }
  }

  /** Starts the watch of everything that happens after the present revision. */
  watchEverything(after: bigint, names: Names): MasterWatch {
    this.master?.close();
    const create = watchCreateMessage(
      {
        kind: 'watch',
        stream: -1,
        key: '\0',
        end: '\0',
        start: { from: 'zero', plus: after + 1n },
        filters: [],
        prevKv: true,
        progressNotify: false,
        fragment: false,
        id: 0n,
      },
      names,
    );
    this.master = new MasterWatch(this.#client, this.#identity, Number(after), create);
    return this.master;
  }

  /** Closes what the run opened; the server keeps running. */
  endRun(): void {
    for (const stream of this.streams.values()) stream.close();
    this.streams.clear();
    this.master?.close();
    this.master = undefined;
    this.#identity.autoLeases.length = 0;
  }

  async dispose(): Promise<void> {
    this.#client.close();
    await this.server.dispose();
  }

  async #unary(operation: UnaryOperation, names: Names): Promise<Answer> {
    const { path, message } = callOf(operation, names);
    const answer = await this.#client.unary(path, message, { timeoutMs: 20_000 });
    if (answer.body === undefined) return this.#failed(answer);
    const response = decodeResponse(path, answer.body);
    if (operation.kind === 'grant' && operation.id === 0n) this.#rememberAuto(response as rpc.LeaseGrantResponse);
    return { status: 0, details: '', message: this.#present(operation, response) };
  }

  /** Of a status, only what two servers can have in common. */
  #present(operation: UnaryOperation, response: unknown): Tree {
    if (operation.kind !== 'status') return normalise(response, this.#identity);
    const { dbSize, dbSizeInUse, raftIndex, raftAppliedIndex, ...common } = response as rpc.StatusResponse;
    return normalise(
      {
        ...common,
        hasSizes: dbSize > 0 && dbSizeInUse > 0 && dbSizeInUse <= dbSize,
        appliedBehindCommitted: raftAppliedIndex <= raftIndex,
        hasIndex: raftIndex > 0,
      },
      this.#identity,
    );
  }

  #failed(answer: RawAnswer): Answer {
    return { status: answer.code, details: anonymous(answer.details, this.#identity) };
  }

  #rememberAuto(response: rpc.LeaseGrantResponse): void {
    this.#identity.autoLeases.push(response.ID);
  }

  #leaseOf(name: LeaseName): bigint {
    return typeof name === 'bigint' ? name : (this.#identity.autoLeases[name.auto] ?? 0n);
  }

  #streamAt(slot: number): WatchStream {
    let stream = this.streams.get(slot);
    if (stream === undefined) {
      stream = new WatchStream(this.#client, this.#identity);
      this.streams.set(slot, stream);
    }
    return stream;
  }

  async #watch(operation: Operation & { kind: 'watch' }, names: Names, standing: Standing): Promise<Answer> {
    const stream = this.#streamAt(operation.stream);
    const message = watchCreateMessage(operation, names);
    const watcher = stream.create(operation, message, names.revision(operation.start), standing.compacted);
    await until(() => watcher.controls.length > 0 || stream.ended !== undefined);
    if (watcher.controls[0] !== undefined) return { status: 0, details: '', message: watcher.controls[0] };
    return stream.ended === undefined ? silence : this.#failed(stream.ended);
  }

  async #cancelWatch(slot: number, id: bigint): Promise<Answer> {
    const stream = this.#streamAt(slot);
    const watcher = stream.live(id);
    const before = watcher?.controls.length ?? 0;
    stream.cancel(id);
    if (watcher === undefined) return { status: 0, details: '', message: 'no such watcher' };
    await until(() => watcher.ended || stream.ended !== undefined);
    // A compaction came first: the cancellation asked for is answered as well, with the revision of its own moment.
    if (watcher.overtaken) await until(() => watcher.controls.length > before + 1 || stream.ended !== undefined, 400);
    return watcher.ended ? { status: 0, details: '', message: watcher.controls.at(-1) ?? null } : silence;
  }

  /**
   * Sends one message on a stream of its own and answers with what came back or the end. A watch stream may have
   * nothing to say to a message; the reply to a second, right one shows that it has said all.
   */
  async #streamOf(path: string, message: Uint8Array): Promise<Answer> {
    const isWatch = path.endsWith('/Watch');
    const responses: (rpc.WatchResponse | rpc.LeaseKeepAliveResponse)[] = [];
    let done = false;
    let ended: RawAnswer | undefined;
    const stream = this.#client.duplex(path, (bytes) => {
      const response = isWatch ? rpc.WatchResponse.decode(bytes) : rpc.LeaseKeepAliveResponse.decode(bytes);
      done ||= !('watchId' in response) || response.watchId === markerId;
      responses.push(response);
    });
    void stream.ended.then((status) => {
      ended = status;
    });
    stream.send(message);
    if (isWatch) stream.send(watchMarkerMessage(markerId));
    stream.end();
    await until(() => done || ended !== undefined);
    stream.cancel();
    if (done) return { status: 0, details: '', message: normalise(responses, this.#identity) };
    return ended === undefined ? silence : this.#failed(ended);
  }

  async #expire(id: bigint, key: string, names: Names): Promise<Answer[]> {
    const plain = { prevKv: false, ignoreValue: false, ignoreLease: false };
    const granted = await this.#unary({ kind: 'grant', id, ttl: 1n }, names);
    // Refused (a lease of that id, no space): then there is nothing to wait for.
    if (granted.status !== 0) return [granted];
    const put = await this.#unary({ kind: 'put', key, value: 'expires', lease: id, ...plain }, names);
    const deadline = performance.now() + 15_000;
    for (;;) {
      const left = await this.#unary({ kind: 'timeToLive', id, keys: true }, names);
      const message = left.message as { TTL?: Tree } | undefined;
      if (message?.TTL === -1 || performance.now() > deadline) return [granted, put, left];
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async #restart(): Promise<void> {
    const autoLeases = this.#identity.autoLeases.slice();
    this.endRun();
    this.#client.close();
    await this.server.stop();
    await this.server.startAgain();
    this.#client = new RawClient(this.server.endpoint);
    this.#identity = { ...(await identityOf(this.server, this.#client)), autoLeases };
  }
}

/** The id of a watcher that is created to see that everything before it was answered. */
const markerId = 4_242n;

const silence: Answer = { status: -1, details: 'no answer' };

/** Waits until it is so, `patienceMs` at most. @returns whether it became so */
export async function until(condition: () => boolean, timeoutMs: number = patienceMs): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  for (let turn = 0; !condition(); turn++) {
    if (performance.now() > deadline) return false;
    await new Promise((resolve) => (turn < 3 ? setImmediate(resolve) : setTimeout(resolve, 2)));
  }
  return true;
}

async function identityOf(server: Server, client: RawClient): Promise<Identity & { autoLeases: bigint[] }> {
  const answer = await client.unary('/etcdserverpb.Maintenance/Status', new Uint8Array(0));
  if (answer.body === undefined) throw new Error(`${server.kind} has no status: ${answer.details}\n${server.log()}`);
  const { header, raftTerm } = rpc.StatusResponse.decode(answer.body);
  return {
    clusterId: header?.clusterId ?? 0n,
    memberId: header?.memberId ?? 0n,
    term: BigInt(raftTerm),
    addresses: server.addresses,
    autoLeases: [],
  };
}

function revisionOf(revision: Revision, standing: Standing): bigint {
  switch (revision.from) {
    case 'zero':
      return revision.plus;
    case 'start':
      return standing.start + revision.plus;
    case 'current':
      return standing.current + revision.plus;
    case 'compacted':
      return standing.compacted + revision.plus;
  }
}
