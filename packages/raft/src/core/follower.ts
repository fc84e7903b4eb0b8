import { RaftError } from '../errors.js';
import { membersOf } from '../membership/configuration.js';
import { fromConfState } from '../membership/restore.js';
import type { AppendMessage, HeartbeatMessage, Message, SnapshotMessage } from '../message.js';
import type { LogIndex } from '../types.js';
import { NOBODY } from '../types.js';
import { takeOver } from './campaign.js';
import type { State } from './state.js';

/** What a follower does with a message of its own term, or of none. */
export function stepFollower(state: State, message: Message): void {
  switch (message.type) {
    case 'append':
    case 'heartbeat':
    case 'snapshot':
      follow(state, message);
      break;
    case 'timeoutNow':
      takeOver(state);
      break;
    case 'propose':
    case 'transferLeader':
      // Sent here by somebody who took this member for the leader: the one it knows may be.
      if (state.leader !== NOBODY && state.leader !== message.from) {
        state.outbox.send({ ...message, to: state.leader });
      }
      break;
    case 'readIndexReply':
      state.confirmedReads.push({ context: message.context, index: message.index });
      break;
    default:
      break;
  }
}

/** Something only a leader of this term sends. */
export function follow(state: State, message: AppendMessage | HeartbeatMessage | SnapshotMessage): void {
  state.electionElapsed = 0;
  state.leader = message.from;
  if (message.type === 'append') append(state, message);
  else if (message.type === 'heartbeat') heartbeat(state, message);
  else snapshot(state, message);
}

function append(state: State, message: AppendMessage): void {
  const { log } = state;
  checkEntries(message);
  if (message.prevIndex < log.committed) {
    // Late, or a probe far back: what is committed here is in the leader's log too (§5.4).
    accept(state, message.from, log.committed);
    return;
  }
  const agreed = log.tryAppend(message.prevIndex, message.prevTerm, message.entries);
  if (agreed !== undefined) {
    // Behind the last entry of this message the logs may still differ.
    log.commitTo(Math.min(message.commit, agreed));
    accept(state, message.from, agreed);
    return;
  }
  const hint = log.meetingPoint(Math.min(message.prevIndex, log.last), message.prevTerm);
  state.outbox.sendAfterPersist({
    type: 'appendReply',
    from: state.id,
    to: message.from,
    term: state.term,
    index: message.prevIndex,
    reject: true,
    hintIndex: hint.index,
    hintTerm: hint.term,
  });
}

function heartbeat(state: State, message: HeartbeatMessage): void {
  if (message.commit > state.log.last) {
    // A leader tells no more than this member has acknowledged: it once had these entries, on its disk.
    throw new RaftError(
      'LOG_LOST',
      `member ${state.id} acknowledged entries up to ${message.commit} but its log ends at ${state.log.last}: its disk lost them; remove the member and add it anew`,
    );
  }
  state.log.commitTo(message.commit);
  const { from, context } = message;
  state.outbox.send({ type: 'heartbeatReply', from: state.id, to: from, term: state.term, context });
}

function snapshot(state: State, { from, snapshot }: SnapshotMessage): void {
  const { log } = state;
  const { index, term, confState } = snapshot.meta;
  if (index > log.committed) {
    if (log.term(index) === term) {
      // The entries are here already; only that they are committed is news.
      log.commitTo(index);
    } else {
      // The configuration changes when the snapshot is restored: earlier entries may still wait to be applied.
      const members = membersOf(fromConfState(confState));
      if (members.includes(state.id)) log.restore(snapshot);
    }
  }
  accept(state, from, log.committed);
}

function accept(state: State, to: bigint, index: LogIndex): void {
  const { id: from, term } = state;
  state.outbox.sendAfterPersist({
    type: 'appendReply',
    from,
    to,
    term,
    index,
    reject: false,
    hintIndex: 0,
    hintTerm: 0,
  });
}

/** Refuses what no leader makes: gaps, falling terms, entries of the future. */
function checkEntries({ prevIndex, prevTerm, term, entries }: AppendMessage): void {
  let before = prevTerm;
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i]!;
    if (entry.index !== prevIndex + 1 + i || entry.term < before || entry.term > term) {
      throw new RaftError(
        'INVALID_MESSAGE',
        `an append after ${prevIndex} (term ${prevTerm}) has entry ${entry.index} of term ${entry.term} at place ${i}`,
      );
    }
    before = entry.term;
  }
}
