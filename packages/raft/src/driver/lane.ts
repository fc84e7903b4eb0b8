interface Task {
  done: boolean;
  readonly then: () => void;
}

/**
 * Tasks that start when they are pushed and finish in the order they were pushed, whatever order their promises
 * resolve in. After the first failure nothing finishes any more.
 */
export class Lane {
  readonly #onFailure: (error: unknown) => void;
  readonly #tasks: Task[] = [];
  #running = 0;
  #failed = false;
  #idle: (() => void)[] = [];

  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  /** Tasks that have not finished. */
  get pending(): number {
    return this.#tasks.length;
  }

  /** @param then called when this task and all before it are done; at once when there is nothing to wait for */
  push(task: Promise<void> | undefined, then: () => void): void {
    const entry: Task = { done: task === undefined, then };
    this.#tasks.push(entry);
    if (task === undefined) {
      this.#advance();
      return;
    }
    this.#running++;
    task.then(
      () => {
        this.#running--;
        entry.done = true;
        this.#advance();
        this.#wakeIdle();
      },
      (error: unknown) => {
        this.#running--;
        if (!this.#failed) {
          this.#failed = true;
          this.#onFailure(error);
        }
        this.#wakeIdle();
      },
    );
  }

  /** From now on nothing finishes. Resolves when nothing runs any more. */
  close(): Promise<void> {
    this.#failed = true;
    if (this.#running === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #advance(): void {
    while (!this.#failed && this.#tasks[0]?.done === true) this.#tasks.shift()!.then();
  }

  #wakeIdle(): void {
    if (this.#running > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
