import type { Operation } from '../history.js';

/** What a correct object would do, so that a history can be held against it. Everything here is pure. */
export interface Model<Input, Output, State> {
  readonly initial: State;
  /**
   * The state after `input`, if the object could have answered `output` to it.
   *
   * @param output  undefined: the outcome is unknown, so any answer will do
   * @returns undefined when it could not
   */
  step(state: State, input: Input, output: Output | undefined): { readonly state: State } | undefined;
  /** Equal for equal states, different for different ones. */
  print(state: State): string;
  /** Operations with different keys do not touch each other: each key is checked alone. Default: one for all. */
  keyOf?(input: Input): string;
  /** Leaves out operations of unknown outcome that cannot matter: each one that stays may double the work. */
  prune?(operations: readonly Operation<Input, Output>[]): readonly Operation<Input, Output>[];
}

export interface LinearizableOptions {
  /** Steps of the search per key. Default 5,000,000. */
  readonly stepLimit?: number;
}

/** `undecided` is no good news: the search was given up, which whoever asked must report. */
export type LinearizableResult<Input, Output> =
  | { readonly kind: 'linearizable'; readonly steps: number }
  | {
      readonly kind: 'violation';
      readonly key: string;
      /** The longest order that explains a part of the history. */
      readonly longest: readonly Operation<Input, Output>[];
      /** An operation that fits nowhere behind it. */
      readonly stuckAt: Operation<Input, Output>;
      readonly steps: number;
    }
  | { readonly kind: 'undecided'; readonly key: string; readonly steps: number };

/**
 * Whether some order of the operations explains every answer and keeps real time: what returned before another was
 * called comes before it.
 *
 * A depth-first search for that order, which remembers pairs of (operations placed, state) it has been at. Operations of
 * unknown outcome may be placed anywhere behind their call, or left out.
 *
 * @see Wing and Gong, Testing and Verifying Concurrent Objects (1993); Lowe, Testing for Linearizability (2017); Horn and
 *   Kroening, Faster linearizability checking via P-compositionality (2015)
 */
export function checkLinearizable<Input, Output, State>(
  operations: readonly Operation<Input, Output>[],
  model: Model<Input, Output, State>,
  options: LinearizableOptions = {},
): LinearizableResult<Input, Output> {
  const groups = new Map<string, Operation<Input, Output>[]>();
  for (const operation of operations) {
    const key = model.keyOf?.(operation.input) ?? '';
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [operation]);
    else group.push(operation);
  }
  let steps = 0;
  let undecided: LinearizableResult<Input, Output> | undefined;
  for (const [key, group] of groups) {
    const result = new Search(key, model.prune?.(group) ?? group, model, options.stepLimit ?? 5_000_000).run();
    // A violation elsewhere says more than a search that was given up.
    if (result.kind === 'violation') return result;
    if (result.kind === 'undecided') undecided ??= result;
    steps += result.steps;
  }
  return undecided ?? { kind: 'linearizable', steps };
}

/** A call or a return of an answered operation, in a doubly linked list in the order they happened. */
interface Mark {
  readonly at: number;
  readonly number: number;
  readonly isCall: boolean;
  previous: Mark | undefined;
  next: Mark | undefined;
}

/** A choice: which operation was placed, in which state, and where the search goes on when it was the wrong one. */
interface Choice<State> {
  readonly number: number;
  readonly state: State;
  readonly mark: Mark;
  /** Set when the operation is one of unknown outcome: its position among those. */
  readonly open: number | undefined;
}

/**
 * Answered operations are tried first, in the order of their calls, up to the first return: whatever returned must be
 * placed by then. Only where none of them leads on are those of unknown outcome tried, and each only right before
 * something that would come out otherwise without it: else every one of them would double the work.
 */
class Search<Input, Output, State> {
  readonly #key: string;
  readonly #operations: readonly Operation<Input, Output>[];
  readonly #model: Model<Input, Output, State>;
  readonly #stepLimit: number;
  readonly #head: Mark = { at: -1, number: -1, isCall: false, previous: undefined, next: undefined };
  readonly #calls: Mark[] = [];
  readonly #returns: Mark[] = [];
  /** Answered operations by their calls, and each one's position among them. */
  readonly #answered: readonly number[];
  readonly #rank: readonly number[];
  /** Those of unknown outcome, by their calls. */
  readonly #open: readonly number[];
  readonly #placed: Uint8Array;
  readonly #placedOpen: Set<number> = new Set();
  #firstLeft = 0;
  #left: number;

  constructor(
    key: string,
    operations: readonly Operation<Input, Output>[],
    model: Model<Input, Output, State>,
    stepLimit: number,
  ) {
    this.#key = key;
    this.#operations = operations;
    this.#model = model;
    this.#stepLimit = stepLimit;
    this.#placed = new Uint8Array(operations.length);
    const byCall = operations.map((_, number) => number);
    byCall.sort((a, b) => operations[a]!.calledAt - operations[b]!.calledAt);
    this.#answered = byCall.filter((number) => isAnswered(operations[number]!));
    this.#open = byCall.filter((number) => !isAnswered(operations[number]!));
    const rank = operations.map(() => -1);
    for (const [position, number] of this.#answered.entries()) rank[number] = position;
    this.#rank = rank;
    this.#left = this.#answered.length;
    this.#link();
  }

  run(): LinearizableResult<Input, Output> {
    const choices: Choice<State>[] = [];
    const seen = new Set<string>();
    let state = this.#model.initial;
    let longest: readonly number[] = [];
    let stuckAt: number | undefined;
    let steps = 0;
    let mark = this.#head.next!;
    let open = 0;
    const advance = (number: number, at: number | undefined): boolean => {
      const { input, output } = this.#operations[number]!;
      const next = this.#model.step(state, input, output);
      if (next === undefined) return false;
      const printed = this.#model.print(next.state);
      // One of unknown outcome that changes nothing, or whose change makes no difference to what comes right behind it,
      // can as well come later or never.
      if (at !== undefined && printed === this.#model.print(state)) return false;
      const before = choices.at(-1);
      if (before?.open !== undefined) {
        const without = this.#model.step(before.state, input, output);
        if (without !== undefined && this.#model.print(without.state) === printed) return false;
      }
      this.#place(number);
      const place = `${this.#describe()}|${printed}`;
      if (seen.has(place)) {
        this.#unplace(number);
        return false;
      }
      seen.add(place);
      choices.push({ number, state, mark, open: at });
      state = next.state;
      return true;
    };
    while (this.#left > 0) {
      if (++steps > this.#stepLimit) return { kind: 'undecided', key: this.#key, steps };
      if (mark.isCall) {
        if (advance(mark.number, undefined)) mark = this.#head.next!;
        else mark = mark.next!;
        open = 0;
        continue;
      }
      const candidate = this.#open[open];
      if (candidate !== undefined && this.#operations[candidate]!.calledAt <= mark.at) {
        const at = open++;
        if (this.#placed[candidate] === 0 && advance(candidate, at)) {
          mark = this.#head.next!;
          open = 0;
        }
        continue;
      }
      if (stuckAt === undefined || choices.length > longest.length) {
        longest = choices.map(({ number }) => number);
        stuckAt = mark.number;
      }
      const last = choices.pop();
      if (last === undefined) {
        return {
          kind: 'violation',
          key: this.#key,
          longest: longest.map((number) => this.#operations[number]!),
          stuckAt: this.#operations[stuckAt]!,
          steps,
        };
      }
      state = last.state;
      this.#unplace(last.number);
      mark = last.open === undefined ? last.mark.next! : last.mark;
      open = last.open === undefined ? 0 : last.open + 1;
    }
    return { kind: 'linearizable', steps };
  }

  #link(): void {
    const marks: Mark[] = [];
    for (const number of this.#answered) {
      const { calledAt, returnedAt } = this.#operations[number]!;
      const call: Mark = { at: calledAt, number, isCall: true, previous: undefined, next: undefined };
      const back: Mark = { at: returnedAt, number, isCall: false, previous: undefined, next: undefined };
      this.#calls[number] = call;
      this.#returns[number] = back;
      marks.push(call, back);
    }
    // A call at the very moment of a return is concurrent with it: it goes first.
    marks.sort((a, b) => a.at - b.at || Number(b.isCall) - Number(a.isCall));
    let previous = this.#head;
    for (const mark of marks) {
      mark.previous = previous;
      previous.next = mark;
      previous = mark;
    }
  }

  #place(number: number): void {
    this.#placed[number] = 1;
    if (this.#rank[number] === -1) {
      this.#placedOpen.add(number);
      return;
    }
    unlink(this.#calls[number]!);
    unlink(this.#returns[number]!);
    this.#left -= 1;
    while (this.#firstLeft < this.#answered.length && this.#placed[this.#answered[this.#firstLeft]!] === 1) {
      this.#firstLeft += 1;
    }
  }

  /** Undoes the last {@link #place}. */
  #unplace(number: number): void {
    this.#placed[number] = 0;
    if (this.#rank[number] === -1) {
      this.#placedOpen.delete(number);
      return;
    }
    relink(this.#returns[number]!);
    relink(this.#calls[number]!);
    this.#left += 1;
    this.#firstLeft = Math.min(this.#firstLeft, this.#rank[number]!);
  }

  /** The set of placed operations: all answered ones below the first gap, those behind it, and the unknown ones. */
  #describe(): string {
    const parts: (number | string)[] = [this.#firstLeft];
    const placed = this.#answered.length - this.#left;
    for (let position = this.#firstLeft + 1, found = this.#firstLeft; found < placed; position++) {
      if (this.#placed[this.#answered[position]!] !== 1) continue;
      parts.push(position);
      found += 1;
    }
    if (this.#placedOpen.size > 0) parts.push('?', ...[...this.#placedOpen].sort((a, b) => a - b));
    return parts.join(' ');
  }
}

function isAnswered(operation: Operation<unknown, unknown>): boolean {
  return operation.returnedAt !== Number.POSITIVE_INFINITY;
}

function unlink(mark: Mark): void {
  mark.previous!.next = mark.next;
  if (mark.next !== undefined) mark.next.previous = mark.previous;
}

function relink(mark: Mark): void {
  mark.previous!.next = mark;
  if (mark.next !== undefined) mark.next.previous = mark;
}
