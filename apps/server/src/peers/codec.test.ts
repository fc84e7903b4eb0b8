import { raft } from '@kontiki/proto';
import type { Message } from '@kontiki/raft';
import { everyMessage } from '@kontiki/raft/testing';
import { EMPTY } from '@kontiki/std';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeMessage, encodeMessage, roughBytes } from './codec.js';
import { PeerError } from './errors.js';
import { message } from './testing/arbitrary.js';

it('gives every message back', () => {
  for (const one of everyMessage) expect(decodeMessage(encodeMessage(one))).toEqual(one);
  fc.assert(
    fc.property(message, (one) => {
      expect(decodeMessage(encodeMessage(one))).toEqual(one);
    }),
  );
});

it('knows about how long a message is', () =>
  fc.assert(
    fc.property(message, (one) => {
      if (one.type !== 'snapshot') expect(Math.abs(encodeMessage(one).length - roughBytes(one))).toBeLessThan(160);
    }),
  ));

describe('on the wire', () => {
  it.each<[Message, Partial<raft.Message>]>([
    [
      { type: 'vote', from: 1n, to: 2n, term: 4, lastIndex: 8, lastTerm: 3, transfer: true },
      { type: 5, index: 8, logTerm: 3, context: new TextEncoder().encode('CampaignTransfer') },
    ],
    [
      { type: 'appendReply', from: 1n, to: 2n, term: 4, index: 8, reject: true, hintIndex: 5, hintTerm: 2 },
      { type: 4, index: 8, reject: true, rejectHint: 5, logTerm: 2 },
    ],
    [
      { type: 'readIndex', from: 1n, to: 2n, term: 0, context: Uint8Array.of(7) },
      { type: 15, term: 0, entries: [{ Type: 0, Term: 0, Index: 0, Data: Uint8Array.of(7) }] },
    ],
    [
      { type: 'preVoteReply', from: 1n, to: 2n, term: 4, reject: true },
      { type: 18, reject: true },
    ],
    [{ type: 'timeoutNow', from: 1n, to: 2n, term: 4 }, { type: 14 }],
  ])('%o', (one, fields) => {
    expect(raft.Message.decode(encodeMessage(one))).toMatchObject({ from: 1n, to: 2n, ...fields });
  });
});

describe('what is no message', () => {
  const entry = { Type: 0, Term: 2, Index: 8, Data: EMPTY } as const;
  const append = { type: 3, from: 1n, to: 2n, term: 2, logTerm: 2, index: 7 } as const;
  const meta = { index: 5, term: 1 };
  const halfJoint = { voters: [1n], learnersNext: [2n] };
  it.each<[string, Parameters<typeof raft.Message.fromPartial>[0]]>([
    ['a gap before the first entry', { ...append, index: 6, entries: [entry] }],
    ['a gap among entries', { ...append, entries: [entry, { ...entry, Index: 10 }] }],
    ['a term that falls', { ...append, entries: [{ ...entry, Term: 1 }] }],
    ['a term from the future', { ...append, entries: [{ ...entry, Term: 3 }] }],
    ['an entry of a kind that does not exist', { ...append, entries: [{ ...entry, Type: 3 as 0 }] }],
    ['an append of no term', { ...append, term: 0, logTerm: 0 }],
    ['a heartbeat of no term', { type: 8, from: 1n, to: 2n }],
    ['a proposal of nothing', { type: 2, from: 1n, to: 2n }],
    ['a read without a name', { type: 15, from: 1n, to: 2n }],
    ['a snapshot that is none', { type: 7, from: 1n, to: 2n, term: 2 }],
    ['a snapshot without members', { type: 7, from: 1n, to: 2n, term: 2, snapshot: { metadata: meta } }],
    [
      'a snapshot without voters',
      { type: 7, from: 1n, to: 2n, term: 2, snapshot: { metadata: { ...meta, confState: { learners: [1n] } } } },
    ],
    [
      'a snapshot of half a joint configuration',
      { type: 7, from: 1n, to: 2n, term: 2, snapshot: { metadata: { ...meta, confState: halfJoint } } },
    ],
  ])('is refused: %s', (_, fields) => {
    const bytes = raft.Message.encode(raft.Message.fromPartial(fields)).finish();
    expect(() => decodeMessage(bytes)).toThrow(PeerError);
  });

  it('is refused, and only that: damaged bytes', () =>
    fc.assert(
      fc.property(message, fc.nat(), fc.integer({ min: 0, max: 255 }), fc.boolean(), (one, at, byte, cut) => {
        const bytes = encodeMessage(one).slice();
        const place = at % bytes.length;
        bytes[place] = byte;
        try {
          decodeMessage(cut ? bytes.subarray(0, place) : bytes);
        } catch (error) {
          expect(error).toMatchObject({ code: 'MALFORMED_FRAME' });
        }
      }),
      { numRuns: 500 },
    ));

  it.each([0, 1, 10, 11, 12, 19, 23, 99])('is passed over when it is of a kind not for us: %i', (type) => {
    const bytes = raft.Message.encode(
      raft.Message.fromPartial({ type: type as 0, from: 1n, to: 2n, term: 1 }),
    ).finish();
    expect(decodeMessage(bytes)).toBeUndefined();
  });
});
