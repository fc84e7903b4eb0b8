/** What h2load says at its end. It counts HTTP: a gRPC error is a success to it. */
export interface Totals {
  readonly done: number;
  readonly succeeded: number;
  /** Failed, errored and timed out. */
  readonly failed: number;
  /** Answered requests by the class of their HTTP status. */
  readonly statuses: { readonly '2xx': number; readonly others: number };
  /** Of all response bodies, without frame headers. */
  readonly dataBytes: number;
}

const REQUESTS =
  /^requests: \d+ total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout$/m;
const STATUSES = /^status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx$/m;
const TRAFFIC = /^traffic: .*\((\d+)\) data$/m;

/** @throws Error with the text when it is not the end of a run of h2load */
export function parseTotals(text: string): Totals {
  const requests = numbers(REQUESTS, text);
  const [success, ...others] = numbers(STATUSES, text);
  return {
    done: requests[0]!,
    succeeded: requests[1]!,
    failed: sum(requests.slice(2)),
    statuses: { '2xx': success!, others: sum(others) },
    dataBytes: numbers(TRAFFIC, text)[0]!,
  };
}

function numbers(pattern: RegExp, text: string): number[] {
  const match = pattern.exec(text);
  if (match === null) throw new Error(`h2load ended without saying what came of it:\n${text.slice(-2_000)}`);
  return match.slice(1).map(Number);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
