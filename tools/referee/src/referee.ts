import fc from 'fast-check';
import type { ServerKind } from '../../harness/src/index.js';
import type { Difference, Outcomes, Uses } from './compare.js';
import { exceptions, referenceEnds } from './exceptions.js';
import { histories } from './generate.js';
import type { History } from './operation.js';
import { PairKeeper, type PairOptions } from './pair.js';
import { inStep, play } from './play.js';
import { report, signature } from './report.js';

export interface RefereeOptions {
  readonly runs: number;
  readonly seed: number;
  /** fast-check's path of one counterexample: only that history is played. */
  readonly path?: string;
  readonly against: ServerKind;
  readonly etcd?: string;
  /** Most operations in a history. Default 30. */
  readonly length?: number;
  /** No new run begins after that long. */
  readonly timeMs?: number;
  /** How long a counterexample is shrunk. Default 120,000. */
  readonly shrinkMs?: number;
  /** Goes on after a difference, until that many were found. Default 1. */
  readonly differences?: number;
  readonly extraFlags?: readonly string[];
  /** See {@link PairOptions.wrap}. */
  readonly wrap?: NonNullable<PairOptions['wrap']>;
  readonly onProgress?: (progress: Progress) => void;
  /** Called as soon as a difference is shrunk. */
  readonly onFound?: (found: Found) => void;
}

export interface Progress {
  readonly runs: number;
  readonly operations: number;
  readonly differences: number;
  readonly shrinking: boolean;
}

export interface Found {
  readonly history: History;
  readonly difference: Difference;
  readonly seed: number;
  readonly path: string;
  /** Readable, with the line that reproduces it. */
  readonly text: string;
}

export interface Summary {
  readonly runs: number;
  readonly operations: number;
  readonly found: readonly Found[];
  /** Exceptions by name and how often each was needed, unused ones included. */
  readonly uses: ReadonlyMap<string, number>;
  /** What each kind of operation came to, and how often. */
  readonly outcomes: ReadonlyMap<string, number>;
  /** Pairs of servers started. */
  readonly pairs: number;
  readonly elapsedMs: number;
}

/** Plays random histories to etcd and to another server and compares every answer. */
export async function referee(options: RefereeOptions): Promise<Summary> {
  const session = new Session(options);
  try {
    return await session.run();
  } finally {
    await session.close();
  }
}

interface Differing {
  readonly history: History;
  readonly difference: Difference;
}

class Session {
  readonly #options: RefereeOptions;
  readonly #keeper: PairKeeper;
  readonly #uses: Uses = new Map([...exceptions, referenceEnds].map(({ name }) => [name, 0]));
  readonly #outcomes: Outcomes = new Map();
  readonly #startedAt = performance.now();
  readonly #found: Found[] = [];
  #runs = 0;
  #operations = 0;
  /** The last history that differed, with what differed. */
  #last: Differing | undefined;
  #shrinkingSince: number | undefined;

  constructor(options: RefereeOptions) {
    this.#options = options;
    const pair: PairOptions = {
      against: options.against,
      ...(options.etcd === undefined ? {} : { etcd: options.etcd }),
      ...(options.extraFlags === undefined ? {} : { extraFlags: options.extraFlags }),
      ...(options.wrap === undefined ? {} : { wrap: options.wrap }),
    };
    this.#keeper = new PairKeeper(pair);
  }

  async run(): Promise<Summary> {
    const { runs, timeMs = Number.POSITIVE_INFINITY, differences = 1 } = this.#options;
    let seed = this.#options.seed;
    // A path names one history: there is nothing to go on with.
    const goesOn = (): boolean => this.#options.path === undefined || this.#runs === 0;
    while (goesOn() && this.#runs < runs && this.#found.length < differences && this.#elapsed() < timeMs) {
      await this.#batch(seed, runs - this.#runs, timeMs - this.#elapsed());
      seed = (seed + 1) | 0;
    }
    return {
      runs: this.#runs,
      operations: this.#operations,
      found: this.#found,
      uses: this.#uses,
      outcomes: this.#outcomes,
      pairs: this.#keeper.started,
      elapsedMs: this.#elapsed(),
    };
  }

  close(): Promise<void> {
    return this.#keeper.discard();
  }

  /** Runs of one seed until they are done or one differs; that one is shrunk. */
  async #batch(seed: number, runs: number, timeMs: number): Promise<void> {
    this.#last = undefined;
    this.#shrinkingSince = undefined;
    const { length = 30, path } = this.#options;
    const property = fc.asyncProperty(histories(length), (history) => this.#holds(history));
    const result = await fc.check(property, {
      seed,
      numRuns: path === undefined ? runs : 1,
      ...(path === undefined ? {} : { path }),
      ...(Number.isFinite(timeMs)
        ? { interruptAfterTimeLimit: Math.max(1, timeMs), markInterruptAsFailure: false }
        : {}),
    });
    if (result.errorInstance instanceof Error && !(result.errorInstance instanceof Differs)) throw result.errorInstance;
    const last = this.#last as Differing | undefined;
    if (!result.failed || last === undefined) return;
    await this.#keeper.discard();
    const alone = await play(last.history, await this.#keeper.take(true), this.#uses, this.#outcomes);
    await this.#keeper.discard();
    const needsPast = alone.difference === undefined;
    const where = result.counterexamplePath ?? '0';
    const text = report(last.history, last.difference, this.#reproduce(seed, where, needsPast));
    const known = this.#found.some(
      (found) => signature(found.history, found.difference) === signature(last.history, last.difference),
    );
    if (known) return;
    const found = { history: last.history, difference: last.difference, seed, path: where, text };
    this.#found.push(found);
    this.#options.onFound?.(found);
  }

  /** Does the judged server answer this history as etcd does? Throws {@link Differs} when not. */
  async #holds(history: History): Promise<void> {
    const { shrinkMs = 120_000 } = this.#options;
    const shrinking = this.#shrinkingSince !== undefined;
    // Out of patience: whatever is left to try counts as no counterexample, so the best one so far stands.
    if (shrinking && performance.now() - (this.#shrinkingSince ?? 0) > shrinkMs) return;
    if (!shrinking) this.#runs += 1;
    const pair = await this.#keeper.take(history.fresh);
    const played = await play(history, pair, this.#uses, this.#outcomes);
    this.#operations += played.operations;
    this.#tell();
    if (played.ended === true) await this.#keeper.discard();
    if (played.difference === undefined) return;
    // While shrinking, a pair that is still in step tells as much as a fresh one, at a hundredth of the time.
    if (!shrinking || !(await inStep(pair))) await this.#keeper.discard();
    this.#last = { history, difference: played.difference };
    this.#shrinkingSince ??= performance.now();
    throw new Differs(played.difference.what);
  }

  #reproduce(seed: number, path: string, needsPast: boolean): string {
    const { against, length, etcd } = this.#options;
    const common = [
      `--against ${against}`,
      ...(length === undefined ? [] : [`--length ${length}`]),
      ...(etcd === undefined ? [] : [`--etcd ${etcd}`]),
    ].join(' ');
    if (!needsPast) return `npm run referee -- ${common} --seed ${seed} --path ${path}`;
    return `npm run referee -- ${common} --seed ${seed} --runs ${this.#runs}   (only on servers that played the runs before)`;
  }

  #elapsed(): number {
    return performance.now() - this.#startedAt;
  }

  #tell(): void {
    this.#options.onProgress?.({
      runs: this.#runs,
      operations: this.#operations,
      differences: this.#found.length + (this.#last === undefined ? 0 : 1),
      shrinking: this.#shrinkingSince !== undefined,
    });
  }
}

/** What a property throws when the servers differ. */
class Differs extends Error {
  override readonly name = 'Differs';
}
