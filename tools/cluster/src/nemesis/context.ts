import type { Random } from '@kontiki/std';
import type { ServerKind } from '../../../harness/src/index.js';
import type { Cluster } from '../cluster.js';
import type { Load, LoadOptions } from '../load/load.js';
import type { Verdict } from '../verify.js';

/** What a nemesis works with. */
export interface NemesisContext {
  readonly cluster: Cluster;
  readonly load: Load;
  readonly random: Random;
  /** One line for people. */
  say(line: string): void;
  /** Ends the stretch of load and checks it. @throws BrokenPromise when something is wrong */
  check(): Promise<Verdict>;
}

/** Options every nemesis knows; each says which it uses. */
export interface NemesisOptions {
  readonly kind: ServerKind;
  readonly etcd?: string;
  readonly seed: number;
  readonly members: number;
  readonly rounds: number;
  readonly minutes: number;
  readonly load?: LoadOptions;
  /** More flags of every member. */
  readonly flags?: readonly string[];
}

/** A kind of trouble, from a healthy cluster to a healthy cluster. */
export interface Nemesis {
  readonly name: string;
  readonly description: string;
  /** Members it begins with. */
  size(options: NemesisOptions): number;
  /** Flags its members need. */
  flags(kind: ServerKind): readonly string[];
  /** @returns lines that sum it up */
  run(context: NemesisContext, options: NemesisOptions): Promise<readonly string[]>;
}

/** A check failed; the verdict has all of it. */
export class BrokenPromise extends Error {
  override readonly name = 'BrokenPromise';
  readonly verdict: Verdict;

  constructor(verdict: Verdict) {
    super(`${verdict.violations.length} violations`);
    this.verdict = verdict;
  }
}

/** One of them, by chance. */
export function pick<T>(random: Random, items: readonly T[]): T {
  const item = items[random.int(Math.max(1, items.length))];
  if (item === undefined) throw new Error('nothing to choose from');
  return item;
}

/** `part` of `whole`, by chance, in any order. */
export function sample<T>(random: Random, items: readonly T[], count: number): T[] {
  const left = [...items];
  return Array.from({ length: Math.min(count, left.length) }, () => left.splice(random.int(left.length), 1)[0]!);
}

/** Milliseconds, for people. */
export function milliseconds(value: number): string {
  return `${value.toFixed(0)} ms`;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
