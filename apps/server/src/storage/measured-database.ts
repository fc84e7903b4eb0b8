import type { LevelDatabase } from '@kontiki/mvcc/level';
import type { Clock, Histogram } from '@kontiki/std';

export interface MeasuredDatabaseOptions {
  readonly clock: Clock;
  /** A commit: from the first record put into its batch until the database has it. */
  readonly commitSeconds: Histogram;
  /** Of that, what the database takes to write. */
  readonly commitWriteSeconds: Histogram;
  /** Reads of more than one record that are under way. */
  readonly openReads: { add(amount: number): void };
}

const MS = 1000;

/**
 * Times what a backend does to its database, commits it makes by itself included. The backend calls these two methods
 * for nothing else than commits and scans.
 * @returns the same database, with `batch` and `iterator` replaced
 */
export function measured<Database extends LevelDatabase>(db: Database, options: MeasuredDatabaseOptions): Database {
  const { clock, commitSeconds, commitWriteSeconds, openReads } = options;
  const target: LevelDatabase = db;
  const batch = target.batch.bind(target);
  const iterator = target.iterator.bind(target);
  target.batch = () => {
    const begunMs = clock.monotonic();
    const made = batch();
    const write = made.write.bind(made);
    made.write = async (how) => {
      const writingMs = clock.monotonic();
      await write(how);
      const doneMs = clock.monotonic();
      commitSeconds.observe((doneMs - begunMs) / MS);
      commitWriteSeconds.observe((doneMs - writingMs) / MS);
    };
    return made;
  };
  target.iterator = (how) => {
    const made = iterator(how);
    const close = made.close.bind(made);
    let open = true;
    openReads.add(1);
    made.close = async () => {
      if (open) openReads.add(-1);
      open = false;
      await close();
    };
    return made;
  };
  return db;
}
