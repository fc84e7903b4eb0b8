import { describeError } from './report.js';
import { type RunCounts, run } from './run.js';

/** What a worker is started with, as JSON. */
export interface Work {
  readonly members: number;
  readonly events: number;
}

/** What it tells of each seed. */
export interface Told {
  readonly seed: number;
  /** Empty: nothing was broken. */
  readonly error: string;
  readonly events: number;
  readonly simulatedMs: number;
  readonly hash: string;
  readonly trace: readonly string[];
  readonly counts: RunCounts;
}

/** Runs the seeds its parent sends, one after another. */
const { members, events } = JSON.parse(process.argv[2]!) as Work;
process.on('message', (seed: number) => {
  run({ seed, members, events }).then((result) => {
    const { error, trace, ...rest } = result;
    const told: Told = {
      ...rest,
      error: error === undefined ? '' : describeError(error),
      // Traces are long: only who failed needs one.
      trace: error === undefined ? [] : trace,
    };
    process.send!(told);
  });
});
// Nobody is there to tell any more.
process.on('disconnect', () => process.exit(0));
