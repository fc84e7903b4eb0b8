import { describe, expect, it } from 'vitest';
import type { AppendReplyMessage } from '../message.js';
import { Outbox } from './outbox.js';

const reply = (parts: Partial<AppendReplyMessage>): AppendReplyMessage => ({
  type: 'appendReply',
  from: 2n,
  to: 1n,
  term: 1,
  index: 1,
  reject: false,
  hintIndex: 0,
  hintTerm: 0,
  ...parts,
});

describe('what waits for the disk', () => {
  it('is apart from what may leave at once', () => {
    const outbox = new Outbox();
    outbox.send({ type: 'timeoutNow', from: 1n, to: 2n, term: 1 });
    outbox.sendAfterPersist(reply({}));
    expect(outbox.takeNow()).toMatchObject([{ type: 'timeoutNow' }]);
    expect(outbox.takeNow()).toEqual([]);
    expect(outbox.takeAfterPersist()).toEqual([reply({})]);
    expect(outbox.takeAfterPersist()).toEqual([]);
  });

  it('a later acknowledgement says what the earlier one said', () => {
    const outbox = new Outbox();
    for (const index of [1, 2, 2, 5]) outbox.sendAfterPersist(reply({ index }));
    expect(outbox.takeAfterPersist()).toEqual([reply({ index: 5 })]);
  });

  it.each([
    ['to another', { to: 3n }],
    ['of another term', { term: 2 }],
    ['a refusal', { reject: true }],
    ['of less', { index: 0 }],
  ])('but not one %s', (_, parts) => {
    const outbox = new Outbox();
    outbox.sendAfterPersist(reply({}));
    outbox.sendAfterPersist(reply(parts));
    expect(outbox.takeAfterPersist()).toHaveLength(2);
  });

  it('what was promised in an earlier term is not said in a later one', () => {
    const outbox = new Outbox();
    for (const term of [1, 2, 3]) outbox.sendAfterPersist(reply({ term, index: term }));
    outbox.send({ type: 'timeoutNow', from: 1n, to: 2n, term: 1 });
    outbox.dropBefore(3);
    expect(outbox.takeAfterPersist()).toEqual([reply({ term: 3, index: 3 })]);
    expect(outbox.takeNow()).toHaveLength(1);
  });
});
