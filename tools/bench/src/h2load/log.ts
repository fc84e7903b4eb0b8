/** Every request of a run, from h2load's `--log-file`. */
export interface RequestLog {
  readonly requests: number;
  /** Streams without a status, and answers other than 200. */
  readonly failed: number;
  /** From the first request sent to the last answer's end. */
  readonly seconds: number;
  /** The rate in the second half of that time: a server that has just started is faster at its end. */
  readonly lateRequestsPerSecond: number;
  /** Ascending, of the requests answered with 200. */
  readonly latenciesUs: Float64Array;
}

/**
 * @param text a line each: start in microseconds since 1970, HTTP status (-1: none), microseconds until the end of the
 *   response, separated by tabs
 * @throws Error when a line is anything else
 */
export function parseLog(text: string): RequestLog {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const latencies = new Float64Array(lines.length);
  const endsUs = new Float64Array(lines.length);
  let answered = 0;
  let firstUs = Number.POSITIVE_INFINITY;
  let lastUs = Number.NEGATIVE_INFINITY;
  for (const [i, line] of lines.entries()) {
    const fields = line.split('\t');
    const [start, status, took] = fields.map(Number) as [number, number, number];
    if (fields.length < 3 || !Number.isFinite(start + status + took)) {
      throw new Error(`not a line of an h2load log: ${JSON.stringify(line)}`);
    }
    firstUs = Math.min(firstUs, start);
    endsUs[i] = start + took;
    lastUs = Math.max(lastUs, start + took);
    if (status === 200) latencies[answered++] = took;
  }
  const seconds = lines.length === 0 ? 0 : (lastUs - firstUs) / 1e6;
  const middleUs = (firstUs + lastUs) / 2;
  return {
    requests: lines.length,
    failed: lines.length - answered,
    seconds,
    lateRequestsPerSecond: seconds === 0 ? 0 : endsUs.filter((end) => end > middleUs).length / (seconds / 2),
    latenciesUs: latencies.subarray(0, answered).sort(),
  };
}
