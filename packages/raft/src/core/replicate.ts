import type { Message, ProposedEntry } from '../message.js';
import type { Progress } from '../progress/progress.js';
import { type Entry, entryBytes, type NodeId, type Snapshot } from '../types.js';
import type { State } from './state.js';

/**
 * The leader's side of replication (§5.3, §7).
 *
 * Nothing is sent while messages are stepped: members are marked as due, and {@link flushAppends} makes the messages
 * once, when the node is asked for its ready bundle. So everything that arrived together leaves together.
 */

/** Every other member: see {@link markDue}. */
export function markAllDue(state: State, due: 'news' | 'append'): void {
  for (const [id, progress] of state.tracker.progress) if (id !== state.id) markDue(progress, due);
}

/** `news`: entries not sent yet, or a commit index not told yet. `append`: at least an empty append. */
export function markDue(progress: Progress, due: 'news' | 'append'): void {
  if (progress.due !== 'append') progress.due = due;
}

/** Appends entries of the leader's term to its own log (§5.3); they go out with the next flush. */
export function appendOwn(state: State, proposed: readonly ProposedEntry[]): void {
  const { log, term } = state;
  const start = log.last + 1;
  const entries: Entry[] = new Array(proposed.length);
  for (let i = 0; i < proposed.length; i++) {
    const { kind, data } = proposed[i]!;
    entries[i] = { index: start + i, term, kind, data };
    state.uncommittedBytes += data.length;
  }
  log.append(entries);
  markAllDue(state, 'news');
}

/**
 * The commit rule: stored on a quorum, and of the leader's own term (§5.3, §5.4.2).
 * An entry of an earlier term is committed only through a later one of this term: figure 8 shows what happens otherwise.
 */
export function maybeCommit(state: State): boolean {
  const index = Math.min(state.tracker.quorumIndex(), state.log.last);
  if (index <= state.log.committed || state.log.term(index) !== state.term) return false;
  state.log.commitTo(index);
  markAllDue(state, 'news');
  state.reads.admitPostponed(index);
  return true;
}

/** To every other member: "I still lead", with a commit index it can act on, and the number of a round of reads. */
export function sendHeartbeats(state: State, context: Uint8Array): void {
  for (const [id, progress] of state.tracker.progress) {
    if (id === state.id) continue;
    const commit = Math.min(progress.match, state.log.committed);
    progress.toldCommit = Math.max(progress.toldCommit, commit);
    state.outbox.send({ type: 'heartbeat', from: state.id, to: id, term: state.term, commit, context });
  }
}

/** Sends whatever is due, as far as each member's window allows. */
export function flushAppends(state: State): void {
  for (const [id, progress] of state.tracker.progress) {
    if (progress.due === 'nothing') continue;
    let inAnyCase = progress.due === 'append';
    progress.due = 'nothing';
    while (sendAppend(state, id, progress, inAnyCase)) inAnyCase = false;
  }
}

/** Sends a captured snapshot to whoever still needs one. */
export function sendSnapshots(state: State, snapshot: Snapshot): void {
  for (const [id, progress] of state.tracker.progress) {
    if (!progress.wantsSnapshot) continue;
    progress.wantsSnapshot = false;
    if (state.log.term(progress.next - 1) !== undefined || snapshot.meta.index <= progress.match) {
      markDue(progress, 'append');
    } else {
      progress.becomeSnapshot(snapshot.meta.index);
      state.outbox.send({ type: 'snapshot', from: state.id, to: id, term: state.term, snapshot });
    }
  }
}

/** One append, if there is reason and room for it. */
function sendAppend(state: State, to: NodeId, progress: Progress, inAnyCase: boolean): boolean {
  // An empty append past a full window finds out whether what filled it was lost.
  const windowFull = progress.state === 'replicate' && progress.inflights.full;
  if (progress.paused && !(windowFull && inAnyCase)) return false;
  const { log } = state;
  const prevIndex = progress.next - 1;
  const prevTerm = log.term(prevIndex);
  if (prevTerm === undefined || progress.next < log.first) {
    // Nobody captures a snapshot for a member that may be gone.
    if (progress.active) progress.wantsSnapshot = true;
    return false;
  }
  const entries = windowFull ? [] : log.entries(progress.next, log.last + 1, state.options.maxMessageBytes);
  const tellsCommit = log.committed > progress.toldCommit && progress.toldCommit < prevIndex;
  if (entries.length === 0 && !inAnyCase && !tellsCommit) return false;
  const commit = log.committed;
  const message: Message = {
    type: 'append',
    from: state.id,
    to,
    term: state.term,
    prevIndex,
    prevTerm,
    entries,
    commit,
  };
  state.outbox.send(message);
  progress.sent(
    entries.length,
    entries.reduce((sum, entry) => sum + entryBytes(entry), 0),
    commit,
  );
  return true;
}
