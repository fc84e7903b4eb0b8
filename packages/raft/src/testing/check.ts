import { assert } from '@kontiki/std';

/** One obligation of a port, as a test under any runner: `it(name, run)`. `run` throws when it is not met. */
export interface SuiteCase {
  readonly name: string;
  run(): Promise<void>;
}

/** Deep equality of plain data, bytes and bigints included. */
export function assertEqual(actual: unknown, expected: unknown, what: string): void {
  const [a, b] = [print(actual), print(expected)];
  assert(a === b, `${what}: expected ${b}, got ${a}`);
}

function print(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner === 'bigint') return `${inner}n`;
    if (inner instanceof Uint8Array) return `bytes ${[...inner].join(' ')}`;
    if (inner !== null && typeof inner === 'object' && !Array.isArray(inner)) {
      return Object.fromEntries(Object.entries(inner).sort(([x], [y]) => (x < y ? -1 : 1)));
    }
    return inner;
  });
}
