import type { Commit, Violation, WatcherTrace } from './evidence.js';
import { type Change, printChange } from './store.js';

/**
 * A watcher gets every change of its range from its start on, exactly once, in order, a revision never split over two
 * responses, whatever connections it took.
 */
export function checkWatchers(log: readonly Commit[], watchers: readonly WatcherTrace[]): Violation[] {
  return watchers.flatMap((watcher) => checkWatcher(log, watcher));
}

function checkWatcher(log: readonly Commit[], watcher: WatcherTrace): Violation[] {
  const violations: Violation[] = [];
  const report = (rule: string, text: string): void => {
    violations.push({ rule, text: `watcher ${watcher.name}: ${text}` });
  };
  let last = 0;
  for (const { headerRevision, changes } of watcher.responses) {
    const first = changes[0];
    if (first !== undefined && revisionOf(first) === last) report('split', `revision ${last} came in two responses`);
    for (const change of changes) {
      const revision = revisionOf(change);
      if (revision < last) report('watch order', `revision ${revision} came after ${last}`);
      if (revision > headerRevision) report('watch header', `revision ${revision} came under header ${headerRevision}`);
      last = Math.max(last, revision);
    }
  }
  const got = watcher.responses.flatMap(({ changes }) => changes.map(printChange));
  const until = Math.max(last, watcher.completeTo);
  const owed = log
    .filter(({ revision }) => revision >= watcher.start && revision <= until)
    .flatMap(({ changes }) => changes.filter((change) => concerns(watcher, change)).map(printChange));
  const difference = firstDifference(owed, got);
  if (difference !== undefined) report('watch events', difference);
  return violations;
}

/** The first place where the two lists part, in words. */
function firstDifference(owed: readonly string[], got: readonly string[]): string | undefined {
  const at = Array.from({ length: Math.max(owed.length, got.length) }).findIndex((_, i) => owed[i] !== got[i]);
  if (at < 0) return undefined;
  const [expected, found] = [owed[at], got[at]];
  if (expected === undefined) return `event ${at} is ${found}, which is one too many`;
  if (found === undefined) return `ends after ${got.length} of ${owed.length} events, before ${expected}`;
  const again = got.slice(0, at).includes(found);
  const skipped = owed.slice(at).includes(found);
  const why = again ? 'it came before' : skipped ? 'what is between is missing' : 'it never happened';
  return `event ${at} should be ${expected}, is ${found}: ${why}`;
}

function revisionOf(change: Change): number {
  return change.type === 'put' ? change.entry.modRevision : change.modRevision;
}

function concerns({ prefix, single }: WatcherTrace, { key }: Change): boolean {
  return single ? key === prefix : key.startsWith(prefix);
}
