import type { Message } from '../message.js';
import type { ConfState, Entry, NodeId } from '../types.js';

/** One line for people: `1>2 append term=1 after 1/1 [2/1 a] commit=1`. */
export function describeMessage(message: Message): string {
  return `${message.from}>${message.to} ${message.type}${message.term === 0 ? '' : ` term=${message.term}`}${details(message)}`;
}

function details(message: Message): string {
  switch (message.type) {
    case 'propose':
      return ` [${message.entries.map(({ kind, data }) => content(kind, data)).join(' ')}]`;
    case 'append':
      return ` after ${message.prevIndex}/${message.prevTerm} [${describeEntries(message.entries)}] commit=${message.commit}`;
    case 'appendReply':
      return message.reject
        ? ` rejects ${message.index}, hint ${message.hintIndex}/${message.hintTerm}`
        : ` accepts ${message.index}`;
    case 'vote':
      return ` log ${message.lastIndex}/${message.lastTerm}${message.transfer ? ' transfer' : ''}`;
    case 'preVote':
      return ` log ${message.lastIndex}/${message.lastTerm}`;
    case 'voteReply':
    case 'preVoteReply':
      return message.reject ? ' no' : ' yes';
    case 'snapshot':
      return ` up to ${message.snapshot.meta.index}/${message.snapshot.meta.term} ${describeConfState(message.snapshot.meta.confState)}`;
    case 'heartbeat':
      return ` commit=${message.commit}${message.context.length > 0 ? ' read' : ''}`;
    case 'heartbeatReply':
      return message.context.length > 0 ? ' read' : '';
    case 'readIndexReply':
      return ` index=${message.index}`;
    case 'readIndex':
    case 'timeoutNow':
    case 'transferLeader':
      return '';
  }
}

/** `1/1 2/1 a`: index, term, and the text of its data. */
export function describeEntries(entries: readonly Entry[]): string {
  return entries.map(({ index, term, kind, data }) => `${index}/${term} ${content(kind, data)}`.trimEnd()).join(', ');
}

/** `1 2 3`, `1 2 3 learners 4`, `2 3 4 from 1 2 3 auto`. */
export function describeConfState(confState: ConfState): string {
  const { voters, learners, votersOutgoing, learnersNext, autoLeave } = confState;
  const parts = [voters.join(' ')];
  if (votersOutgoing !== undefined) parts.push(`from ${votersOutgoing.join(' ')}`);
  if (learners.length > 0) parts.push(`learners ${learners.join(' ')}`);
  if (learnersNext !== undefined && learnersNext.length > 0) parts.push(`then learners ${learnersNext.join(' ')}`);
  if (autoLeave === true) parts.push('auto');
  return parts.join(' ');
}

/** Ids as text, for options of commands. */
export function parseId(text: string | undefined): NodeId {
  if (text === undefined || !/^\d+$/.test(text)) throw new SyntaxError(`expected the number of a member, got ${text}`);
  return BigInt(text);
}

function content(kind: Entry['kind'], data: Uint8Array): string {
  return kind === 'normal' ? new TextDecoder().decode(data) : kind;
}
