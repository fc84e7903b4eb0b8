import { type ServerKind, ServerProcess } from '../../harness/src/index.js';
import { type Server, Side } from './side.js';

export interface PairOptions {
  /** The server that is judged. */
  readonly against: ServerKind;
  readonly etcd?: string;
  /** Flags of the judged server beyond the common ones. */
  readonly extraFlags?: readonly string[];
  /** Puts something between the referee and the judged server: tests plant differences there. */
  readonly wrap?: (server: Server) => Promise<Server>;
}

/** etcd and the server it judges, both in the same state as long as no difference was found. */
export class Pair {
  readonly left: Side;
  readonly right: Side;
  /** Runs begun on this pair. */
  runs = 0;
  /** Last successful compaction; 0: none. */
  compacted = 0n;
  /** Compacted at revision 0, and not restarted since. */
  compactedAtZero = false;

  private constructor(left: Side, right: Side) {
    this.left = left;
    this.right = right;
  }

  static async start(options: PairOptions): Promise<Pair> {
    // Durability is not the subject here: without fsync a run is several times faster.
    const common = ['--unsafe-no-fsync', '--log-level=warn'];
    const etcd = options.etcd === undefined ? {} : { etcd: options.etcd };
    const started = await Promise.allSettled([
      ServerProcess.start({ kind: 'etcd', flags: common, ...etcd }),
      ServerProcess.start({ kind: options.against, flags: [...common, ...(options.extraFlags ?? [])], ...etcd }),
    ]);
    const servers = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    const failed = started.find((result) => result.status === 'rejected');
    const [left, right] = servers;
    if (failed !== undefined || left === undefined || right === undefined) {
      await Promise.all(servers.map((server) => server.dispose()));
      throw failed?.reason ?? new Error('servers did not start');
    }
    const judged = options.wrap === undefined ? right : await options.wrap(right);
    return new Pair(await Side.open(left), await Side.open(judged));
  }

  get sides(): readonly [Side, Side] {
    return [this.left, this.right];
  }

  async dispose(): Promise<void> {
    await Promise.all(this.sides.map((side) => side.dispose()));
  }
}

/** Keeps one pair for many runs: starting two servers takes longer than a hundred histories. */
export class PairKeeper {
  readonly #options: PairOptions;
  #pair: Pair | undefined;
  #started = 0;

  constructor(options: PairOptions) {
    this.#options = options;
  }

  /** Pairs started so far. */
  get started(): number {
    return this.#started;
  }

  /** The kept pair, or a new one: when there is none, or when `fresh` asks for servers without any past. */
  async take(fresh: boolean): Promise<Pair> {
    if (this.#pair !== undefined && fresh && this.#pair.runs > 0) await this.discard();
    if (this.#pair === undefined) {
      this.#pair = await Pair.start(this.#options);
      this.#started += 1;
    }
    return this.#pair;
  }

  /** After a difference the two are no longer in the same state. */
  async discard(): Promise<void> {
    await this.#pair?.dispose();
    this.#pair = undefined;
  }
}
