import type { AppendMessage, Entry, EntryKind, Message } from '@kontiki/raft';
import fc from 'fast-check';

const id = fc.oneof(fc.bigInt({ min: 1n, max: 9n }), fc.bigInt({ min: 1n, max: (1n << 64n) - 1n }));
const count = fc.oneof(
  fc.nat({ max: 300 }),
  fc.maxSafeNat().map((n) => Math.floor(n / 2)),
);
const term = count.map((n) => n + 1);
const bytes = fc.uint8Array({ maxLength: 40 });
const kind = fc.constantFrom<EntryKind>('normal', 'change', 'changeV2');
const envelope = { from: id, to: id, term };

/** An append as a leader makes it: entries follow each other, terms do not fall. */
export const append: fc.Arbitrary<AppendMessage> = fc
  .record({
    ...envelope,
    prevIndex: count,
    steps: fc.array(fc.record({ kind, data: bytes, rise: fc.nat({ max: 2 }) }), { maxLength: 6 }),
    commit: count,
  })
  .map(({ steps, prevIndex, term: lastTerm, ...rest }) => {
    const prevTerm = Math.max(0, lastTerm - steps.reduce((sum, { rise }) => sum + rise, 0));
    let at = prevTerm;
    const entries: Entry[] = steps.map(({ kind, data, rise }, i) => {
      at = Math.min(at + rise, lastTerm);
      return { index: prevIndex + 1 + i, term: at, kind, data };
    });
    return { type: 'append', ...rest, term: lastTerm, prevIndex, prevTerm, entries };
  });

const confState = fc.oneof(
  fc.record({ voters: fc.array(id, { minLength: 1, maxLength: 3 }), learners: fc.array(id, { maxLength: 2 }) }),
  fc.record({
    voters: fc.array(id, { minLength: 1, maxLength: 3 }),
    learners: fc.array(id, { maxLength: 2 }),
    votersOutgoing: fc.array(id, { minLength: 1, maxLength: 3 }),
    learnersNext: fc.array(id, { maxLength: 2 }),
    autoLeave: fc.boolean(),
  }),
);

const of = <T extends Message['type']>(type: T, fields: object): fc.Arbitrary<Message> =>
  fc.record({ type: fc.constant(type), ...envelope, ...fields }) as unknown as fc.Arbitrary<Message>;
const zero = { term: fc.constant(0) };
const last = { lastIndex: count, lastTerm: count };

export const message: fc.Arbitrary<Message> = fc.oneof(
  append,
  of('propose', { ...zero, entries: fc.array(fc.record({ kind, data: bytes }), { minLength: 1, maxLength: 3 }) }),
  of('appendReply', { index: count, reject: fc.boolean(), hintIndex: count, hintTerm: count }),
  of('vote', { ...last, transfer: fc.boolean() }),
  of('preVote', last),
  of('voteReply', { reject: fc.boolean() }),
  of('preVoteReply', { reject: fc.boolean() }),
  of('snapshot', { snapshot: fc.record({ meta: fc.record({ index: count, term: count, confState }), data: bytes }) }),
  of('heartbeat', { commit: count, context: bytes }),
  of('heartbeatReply', { context: bytes }),
  of('transferLeader', {}),
  of('timeoutNow', {}),
  of('readIndex', { ...zero, context: bytes }),
  of('readIndexReply', { index: count, context: bytes }),
);
