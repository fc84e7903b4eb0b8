import type { Side, Standing } from './side.js';
import { until } from './side.js';
import type { WatcherLog } from './watch-log.js';

/**
 * Waits until every watcher of a server has got what it is owed, so that what comes next (a compaction, a
 * cancellation, the end) meets both servers in the same state.
 *
 * etcd lets a watcher that starts in the past catch up in a loop that wakes every 100 ms; one that is owed nothing
 * shows nothing when it has, so it is given that time once.
 *
 * @returns what is still missing, in words; empty when everything arrived
 */
export async function settle(sides: readonly Side[], standing: Standing): Promise<string[]> {
  await until(() => sides.every((side) => missing(side, standing).length === 0));
  const unproven = sides.flatMap((side) => watchersOf(side).filter(mayStillCatchUp));
  if (unproven.length > 0) {
    await new Promise((resolve) => setTimeout(resolve, 250));
    for (const watcher of unproven) watcher.provenSynced = true;
  }
  return sides.flatMap((side) => missing(side, standing).map((what) => `${side.server.kind}: ${what}`));
}

export function watchersOf(side: Side): WatcherLog[] {
  return [...side.streams.values()].flatMap((stream) => stream.watchers);
}

function missing(side: Side, standing: Standing): string[] {
  const master = side.master?.log;
  if (master === undefined) return [];
  const lacks: string[] = [];
  if (BigInt(master.lastRevision) < standing.current) {
    lacks.push(`the watch of everything has ${master.lastRevision} of ${standing.current}`);
  }
  for (const [slot, stream] of side.streams) {
    for (const [i, watcher] of stream.watchers.entries()) {
      if (watcher.ended || stream.ended !== undefined) continue;
      const name = `watcher ${i} of stream ${slot}`;
      if (watcher.live && watcher.start > 0n && watcher.start < watcher.compactedThen) {
        lacks.push(`${name} starts below the compaction and is not cancelled`);
      } else if (watcher.live && !master.hasReached(watcher)) lacks.push(`${name} lacks events`);
    }
  }
  return lacks;
}

function mayStillCatchUp(watcher: WatcherLog): boolean {
  const past = watcher.start > 0n && watcher.start <= BigInt(watcher.createdRevision);
  return watcher.live && past && !watcher.provenSynced && watcher.events.length === 0;
}
