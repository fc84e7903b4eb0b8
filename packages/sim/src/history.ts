/**
 * One call and what became of it. `calledAt` and `returnedAt` are places in the order of all calls and returns of the
 * history: `a` came before `b` exactly when `a.returnedAt < b.calledAt`.
 */
export interface Operation<Input, Output> {
  /** Who called; a client has one call open at a time, or is several. */
  readonly client: number;
  readonly input: Input;
  readonly calledAt: number;
  /** Infinite while the outcome is unknown: the call may take effect at any later moment, or never. */
  readonly returnedAt: number;
  /** Absent when the outcome is unknown. */
  readonly output?: Output;
}

/** A call that has not been closed yet. */
export interface OpenCall<Output> {
  /** The answer came. */
  returned(output: Output): void;
  /** It surely did nothing, and never will: it leaves the history. */
  failed(): void;
  /** Nobody can say whether it took effect, or will. A call that is never closed counts the same. */
  unknown(): void;
}

/**
 * Invocations and answers, in the order they happened. It counts instead of reading a clock: all clients of a history
 * live in one process, so the order in which they come here is the real one.
 */
export class History<Input, Output> {
  readonly #operations: Map<number, Operation<Input, Output>> = new Map();
  #next = 0;

  /** How many calls it holds, open ones included, failed ones not. */
  get size(): number {
    return this.#operations.size;
  }

  /** Opens a call. Must be called before anything is sent. */
  call(client: number, input: Input): OpenCall<Output> {
    const calledAt = this.#next++;
    this.#operations.set(calledAt, { client, input, calledAt, returnedAt: Number.POSITIVE_INFINITY });
    let open = true;
    const close = (): void => {
      if (!open) throw new Error(`the call at ${calledAt} is closed twice`);
      open = false;
    };
    return {
      returned: (output) => {
        close();
        this.#operations.set(calledAt, { client, input, calledAt, returnedAt: this.#next++, output });
      },
      failed: () => {
        close();
        this.#operations.delete(calledAt);
      },
      unknown: close,
    };
  }

  /** Everything so far, in the order of the calls. */
  operations(): readonly Operation<Input, Output>[] {
    return [...this.#operations.values()].sort((a, b) => a.calledAt - b.calledAt);
  }
}
