import type { Client } from '../../../harness/src/index.js';
import type { Commit, Snapshot } from '../evidence.js';
import type { Change } from '../store.js';
import { bytes, changeOf, entryOf } from './convert.js';

/** The store's revision, read linearizably. */
export async function currentRevision(client: Client): Promise<number> {
  const reply = await client.kv.range({ key: bytes('\0'), countOnly: true });
  if (!reply.ok) throw new Error(`the server does not answer: ${reply.details}`);
  return reply.response.header?.revision ?? 0;
}

/**
 * All changes from revision `from` (or the compacted one, when that is later) to `to`, as a watch of everything tells
 * them.
 */
export async function readLog(client: Client, from: number, to: number): Promise<Commit[]> {
  const changes: Change[] = [];
  let compacted: number | undefined;
  let last = from - 1;
  const stream = client.watch((response) => {
    if (response.canceled) compacted = response.compactRevision;
    changes.push(...response.events.map(changeOf));
    for (const event of response.events) last = Math.max(last, event.kv?.modRevision ?? 0);
  });
  const value = { key: bytes('\0'), rangeEnd: bytes('\0'), startRevision: from };
  stream.send({ requestUnion: { $case: 'createRequest', value } });
  const deadline = performance.now() + 30_000;
  while (last < to && compacted === undefined && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  stream.cancel();
  if (compacted !== undefined && compacted > from) return readLog(client, compacted, to);
  return commitsOf(changes);
}

function commitsOf(changes: readonly Change[]): Commit[] {
  const commits: { revision: number; changes: Change[] }[] = [];
  for (const change of changes) {
    const revision = change.type === 'put' ? change.entry.modRevision : change.modRevision;
    const last = commits.at(-1);
    if (last?.revision === revision) last.changes.push(change);
    else commits.push({ revision, changes: [change] });
  }
  return commits;
}

/** All keys as of a past revision; undefined when it is compacted. */
export async function readSnapshot(client: Client, revision: number): Promise<Snapshot | undefined> {
  const reply = await client.kv.range({ key: bytes('\0'), rangeEnd: bytes('\0'), revision });
  if (reply.ok) return { revision, entries: new Map(reply.response.kvs.map(entryOf)) };
  if (reply.details.includes('has been compacted')) return undefined;
  throw new Error(`cannot read revision ${revision}: ${reply.details}`);
}
