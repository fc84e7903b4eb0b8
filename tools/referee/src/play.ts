import { type Answer, isRecord, mismatches, type Tree } from './answer.js';
import { compareAnswers, type Difference, type Outcomes, treeOf, type Uses } from './compare.js';
import { referenceEnds } from './exceptions.js';
import type { History, Operation, Range, Txn } from './operation.js';
import type { Pair } from './pair.js';
import { settle } from './settle.js';
import { type Side, type Standing, until } from './side.js';

/** How a history went. */
export interface Played {
  /** Calls made to each server. */
  readonly operations: number;
  readonly difference?: Difference;
  /** The reference ended, in the one way that is excused: the pair cannot go on. */
  readonly ended?: true;
}

const none = { from: 'zero', plus: 0n } as const;

/** The hash of all history, asked for in the way etcd does not answer from memory; see the exceptions about hashes. */
function hashOfAll(pair: Pair): Operation {
  return { kind: 'hashKv', revision: { from: pair.compactedAtZero ? 'current' : 'zero', plus: 0n } };
}
const everything: Range = {
  kind: 'range',
  key: '\0',
  end: '\0',
  limit: 0n,
  revision: none,
  order: 0,
  target: 0,
  serializable: false,
  keysOnly: false,
  countOnly: false,
  minMod: none,
  maxMod: none,
  minCreate: none,
  maxCreate: none,
};

/** gRPC's UNAVAILABLE: most likely the connection broke, and the process takes a moment to be gone. */
const unavailable = 14;

/** Keeps the stores small: this many revisions after the last compaction the wipe compacts. */
const compactEvery = 5_000n;

/**
 * Plays a history to both servers, step by step, and stops at the first difference. Begins by wiping what an earlier
 * run left; ends by comparing everything the watchers got, all keys, and the hash of all history.
 */
export async function play(history: History, pair: Pair, uses: Uses, outcomes: Outcomes): Promise<Played> {
  pair.runs += 1;
  const run = new Run(pair, uses, outcomes);
  try {
    return await run.all(history.operations);
  } finally {
    for (const side of pair.sides) side.endRun();
    pair.compacted = run.standing.compacted;
  }
}

/**
 * Are both servers still in the same state, whatever they just disagreed on? Then the pair can serve on. Wipes it and
 * compares the hash of all history.
 */
export async function inStep(pair: Pair): Promise<boolean> {
  if (pair.sides.some((side) => !side.alive)) return false;
  const run = new Run(pair, new Map(), new Map());
  try {
    return await run.isInStep();
  } finally {
    for (const side of pair.sides) side.endRun();
    pair.compacted = run.standing.compacted;
  }
}

class Run {
  readonly standing: Standing;
  readonly #pair: Pair;
  readonly #uses: Uses;
  readonly #outcomes: Outcomes;
  #operations = 0;
  /** The alarm was raised in this run (it may have been lowered again since). */
  #noSpace = false;
  #ended = false;

  constructor(pair: Pair, uses: Uses, outcomes: Outcomes) {
    this.#pair = pair;
    this.#uses = uses;
    this.#outcomes = outcomes;
    this.standing = { start: 0n, current: 0n, compacted: pair.compacted };
  }

  async all(operations: readonly Operation[]): Promise<Played> {
    let difference = (await this.#wipe()) ?? (await this.#steps(operations));
    if (this.#ended) return { operations: this.#operations, ended: true };
    difference ??= await this.#end();
    return { operations: this.#operations, ...(difference === undefined ? {} : { difference }) };
  }

  async isInStep(): Promise<boolean> {
    if ((await this.#wipe()) !== undefined) return false;
    const [[left], [right]] = await Promise.all([
      this.#pair.left.perform(hashOfAll(this.#pair), this.standing),
      this.#pair.right.perform(hashOfAll(this.#pair), this.standing),
    ]);
    if (!isRecord(left?.message) || !isRecord(right?.message)) return false;
    const { hash, compactRevision } = left.message;
    if (right.message['hash'] !== hash || right.message['compactRevision'] !== compactRevision) return false;
    this.standing.compacted = BigInt(Math.max(0, Number(compactRevision)));
    return true;
  }

  async #steps(operations: readonly Operation[]): Promise<Difference | undefined> {
    for (const [step, operation] of operations.entries()) {
      if (this.#cannotBeCompared(operation)) continue;
      const difference = await this.#step(operation);
      if (difference !== undefined) return { ...difference, step };
      if (this.#ended) return undefined;
    }
    return undefined;
  }

  /**
   * etcd 3.5 does not count puts of nested transactions against the quota: without space it does what 3.6 refuses, and
   * the two stores would part.
   */
  #cannotBeCompared(operation: Operation): boolean {
    if (operation.kind === 'alarm' && operation.alarm === 1 && operation.action === 1) this.#noSpace = true;
    return this.#noSpace && operation.kind === 'txn' && putsOnlyNested(operation);
  }

  /** One operation on both. */
  async #step(operation: Operation): Promise<Difference | undefined> {
    if (needsCalm(operation)) {
      const lacking = await this.#settled();
      if (lacking !== undefined) return lacking;
    }
    if (operation.kind === 'restart') {
      const disagreement = this.#compareWatches();
      if (disagreement !== undefined) return disagreement;
    }
    const progressBefore =
      operation.kind === 'progress'
        ? this.#pair.sides.map((side) => side.streams.get(operation.stream)?.progress.length ?? 0)
        : [];
    const [left, right] = this.#pair.sides;
    // As of now: the answers move the standing.
    const { revision: resolve } = left.names({ ...this.standing });
    const [lefts, rights] = await Promise.all([
      left.perform(operation, this.standing),
      right.perform(operation, this.standing),
    ]);
    this.#operations += Math.max(1, lefts.length);
    if ([...lefts, ...rights].some((answer) => answer.status === unavailable)) await until(() => false, 200);
    const died = this.#pair.sides.find((side) => !side.alive);
    if (died !== undefined) {
      if (died === left && referenceEnds.excuses(operation, died.server.log(64_000), rights[0]!)) {
        this.#uses.set(referenceEnds.name, (this.#uses.get(referenceEnds.name) ?? 0) + 1);
        this.#ended = true;
        return undefined;
      }
      return { what: `${died.server.kind} ended`, mismatches: [], left: died.server.log(4_000) };
    }
    for (const [i, answer] of lefts.entries()) {
      const found = compareAnswers(operation, answer, rights[i]!, this.#uses, resolve);
      if (found.length > 0) {
        return { what: 'the answers differ', mismatches: found, left: treeOf(answer), right: treeOf(rights[i]!) };
      }
      this.#learn(operation, answer);
    }
    if (operation.kind === 'progress') return this.#progress(operation, progressBefore);
    if (operation.kind === 'restart') {
      this.#pair.compactedAtZero = false;
      await this.#watchEverything();
    }
    return undefined;
  }

  /** Both servers empty, at the same revision, with nothing left over. */
  async #wipe(): Promise<Difference | undefined> {
    const alarms = [1, 2].flatMap((alarm) => (['self', 0n, 7n] as const).map((member) => ({ alarm, member })));
    for (const { alarm, member } of alarms) {
      const failed = await this.#step({ kind: 'alarm', action: 2, member, alarm });
      if (failed !== undefined) return atWipe(failed);
    }
    const leases = await this.#leases();
    for (const id of leases) {
      const failed = await this.#step({ kind: 'revoke', id });
      if (failed !== undefined) return atWipe(failed);
    }
    const failed = await this.#step({ kind: 'delete', key: '\0', end: '\0', prevKv: false });
    if (failed !== undefined) return atWipe(failed);
    if (this.standing.current - this.standing.compacted > compactEvery) {
      const revision = { from: 'current', plus: 0n } as const;
      const compacting = await this.#step({ kind: 'compact', revision, physical: true });
      if (compacting !== undefined) return atWipe(compacting);
    }
    this.standing.start = this.standing.current;
    await this.#watchEverything();
    return undefined;
  }

  /** The leases left by the run before, as the reference lists them; the ids of those it chose itself differ. */
  async #leases(): Promise<bigint[]> {
    const both = await Promise.all(this.#pair.sides.map((side) => side.perform({ kind: 'leases' }, this.standing)));
    const ids = both.map(([answer]) => {
      const list = isRecord(answer?.message) ? answer.message['leases'] : [];
      return Array.isArray(list) ? list.map((lease) => BigInt(String((lease as { ID: Tree }).ID))) : [];
    });
    const [left = [], right = []] = ids;
    const shared = left.filter((id) => right.includes(id));
    const [leftOnly, rightOnly] = [left.filter((id) => !right.includes(id)), right.filter((id) => !left.includes(id))];
    await this.#revokeEach(this.#pair.left, leftOnly);
    await this.#revokeEach(this.#pair.right, rightOnly);
    return shared;
  }

  /** Chosen ids never have keys, so revoking them makes no revision. */
  async #revokeEach(side: Side, ids: readonly bigint[]): Promise<void> {
    for (const id of ids) await side.perform({ kind: 'revoke', id }, this.standing);
  }

  async #watchEverything(): Promise<void> {
    const masters = this.#pair.sides.map((side) =>
      side.watchEverything(this.standing.current, side.names(this.standing)),
    );
    await until(() => masters.every((master) => master.created));
  }

  #learn(operation: Operation, answer: Answer): void {
    const outcome = `${operation.kind}: ${outcomeOf(answer)}`;
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1);
    const header = isRecord(answer.message) ? answer.message['header'] : undefined;
    const revision = isRecord(header) && typeof header['revision'] === 'number' ? BigInt(header['revision']) : 0n;
    if (revision > this.standing.current) this.standing.current = revision;
    if (operation.kind === 'compact' && answer.status === 0) {
      const { from, plus } = operation.revision;
      this.standing.compacted = from === 'zero' ? plus : this.standing[from] + plus;
      if (this.standing.compacted === 0n) this.#pair.compactedAtZero = true;
    }
  }

  async #settled(): Promise<Difference | undefined> {
    const lacking = await settle(this.#pair.sides, this.standing);
    // What happened before this run is owed too; the slower of the two gets time to deliver it.
    await until(() => this.#compareWatches() === undefined, 2_000);
    if (lacking.length === 0) return undefined;
    return this.#compareWatches() ?? { what: `watchers lack something: ${lacking.join('; ')}`, mismatches: [] };
  }

  /** What a progress request came to on each side: silence is an answer too, but only after a while. */
  async #progress(
    operation: Operation & { kind: 'progress' },
    before: readonly number[],
  ): Promise<Difference | undefined> {
    const streams = this.#pair.sides.map((side) => side.streams.get(operation.stream));
    const fresh = (): (readonly number[])[] => streams.map((stream, i) => stream?.progress.slice(before[i]) ?? []);
    // A stream without watchers is never answered; silence of others must be waited for.
    const watched = streams.some((stream) => stream?.watchers.some((watcher) => watcher.live));
    if (await until(() => fresh().some((list) => list.length > 0), watched ? 400 : 30)) {
      await until(() => fresh().every((list) => list.length > 0), 2_000);
    }
    const [left, right] = streams.map((stream, i): Answer => {
      const overtaken = stream?.watchers.some((watcher) => watcher.overtaken) ?? false;
      return { status: 0, details: '', message: { revisions: fresh()[i]!, overtaken } };
    });
    const found = compareAnswers(operation, left!, right!, this.#uses, this.#pair.left.names(this.standing).revision);
    if (found.length === 0) return undefined;
    return { what: 'progress differs', mismatches: found, left: treeOf(left!), right: treeOf(right!) };
  }

  #compareWatches(): Difference | undefined {
    const [left, right] = this.#pair.sides;
    const all = mismatches(left.master?.log.trees ?? [], right.master?.log.trees ?? [], 'events');
    if (all.length > 0) return { what: 'the watch of everything differs', mismatches: all };
    for (const [slot, stream] of left.streams) {
      const other = right.streams.get(slot);
      for (const [i, watcher] of stream.watchers.entries()) {
        const what = `watcher ${i} of stream ${slot}`;
        const twin = other?.watchers[i];
        const found = [
          ...mismatches(watcher.controls, twin?.controls, 'controls'),
          ...mismatches(watcher.events, twin?.events, 'events'),
          ...mismatches(watcher.faults, twin?.faults, 'faults'),
        ];
        if (found.length > 0) return { what: `${what} differs`, mismatches: found };
        if (watcher.faults.length > 0) {
          return { what: `${what}: ${watcher.faults.join('; ')} (both servers)`, mismatches: [] };
        }
      }
      const found = [
        ...mismatches(stream.faults, other?.faults, 'faults'),
        ...mismatches(stream.ended?.details, other?.ended?.details, 'ended'),
      ];
      if (found.length > 0) return { what: `stream ${slot} differs`, mismatches: found };
    }
    return undefined;
  }

  async #end(): Promise<Difference | undefined> {
    const watches = (await this.#settled()) ?? this.#compareWatches();
    if (watches !== undefined) return { ...watches, what: `at the end: ${watches.what}` };
    for (const operation of [everything, hashOfAll(this.#pair)]) {
      const failed = await this.#step(operation);
      if (failed !== undefined) return { ...failed, what: `at the end, ${operation.kind}: ${failed.what}` };
    }
    // The calls above gave late duplicates their time.
    const late = this.#compareWatches();
    return late === undefined ? undefined : { ...late, what: `at the end: ${late.what}` };
  }
}

function outcomeOf({ status, details, message }: Answer): string {
  if (status !== 0) return `${status} ${details}`;
  if (!isRecord(message)) return 'ok';
  if (message['more'] === true) return 'ok, and more';
  if (Array.isArray(message['kvs'])) return message['kvs'].length > 1 ? 'ok, several' : `ok, ${message['kvs'].length}`;
  if (message['canceled'] === true) return `cancelled ${String(message['cancelReason'])}`;
  return 'succeeded' in message ? `ok, ${message['succeeded'] === true ? 'then' : 'else'}` : 'ok';
}

function putsOnlyNested(txn: Txn): boolean {
  const operations = [...txn.success, ...txn.failure];
  const putsHere = operations.some(
    ({ kind, ...rest }) => kind === 'put' || (kind === 'many' && 'of' in rest && rest.of === 'put'),
  );
  return !putsHere && operations.some((inner) => inner.kind === 'txn' && putsAnywhere(inner));
}

function putsAnywhere(txn: Txn): boolean {
  return [...txn.success, ...txn.failure].some(
    (inner) => inner.kind === 'put' || inner.kind === 'many' || (inner.kind === 'txn' && putsAnywhere(inner)),
  );
}

function atWipe(difference: Difference): Difference {
  return { ...difference, what: `while wiping: ${difference.what}` };
}

/** What a watcher that has not caught up yet would see differently from one that has. */
function needsCalm(operation: Operation): boolean {
  return ['compact', 'cancelWatch', 'progress', 'restart'].includes(operation.kind);
}
