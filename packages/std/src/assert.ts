/** A broken promise of our own code: a bug, never an answer to bad input. The process that meets one should stop. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** States what must hold here. Throws {@link AssertionError} when it does not. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** The branch no value can reach; the compiler proves it, this says so when data lied to the compiler. */
export function unreachable(value: never, message = 'unreachable'): never {
  throw new AssertionError(`${message}: ${String(value)}`);
}
