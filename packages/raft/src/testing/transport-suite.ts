import type { Transport } from '../driver/ports.js';
import type { Message } from '../message.js';
import { assertEqual, type SuiteCase } from './check.js';

/** Two members, 1 and 2, joined by the {@link Transport} under test. */
export interface TransportHarness {
  open(): Promise<TransportUnderTest>;
}

export interface TransportUnderTest {
  /** Member 1's way out. */
  readonly transport: Transport;
  /** What member 2 was handed so far. */
  readonly received: readonly Message[];
  /** Resolves when everything sent has arrived. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

const entry = { index: 8, term: 3, kind: 'normal', data: Uint8Array.of(1, 2, 3) } as const;
const confState = { voters: [1n, 2n], learners: [3n], votersOutgoing: [1n, 4n], learnersNext: [4n], autoLeave: true };
const envelope = { from: 1n, to: 2n, term: 4 } as const;

/** One message of every kind, with and without its optional parts. */
export const everyMessage: readonly Message[] = [
  { ...envelope, type: 'propose', term: 0, entries: [{ kind: 'normal', data: Uint8Array.of(5) }] },
  { ...envelope, type: 'propose', term: 0, entries: [{ kind: 'change', data: Uint8Array.of(8, 1) }] },
  { ...envelope, type: 'append', prevIndex: 7, prevTerm: 2, entries: [entry], commit: 6 },
  { ...envelope, type: 'append', prevIndex: 0, prevTerm: 0, entries: [], commit: 0 },
  {
    ...envelope,
    type: 'append',
    prevIndex: 0,
    prevTerm: 0,
    entries: [
      { index: 1, term: 1, kind: 'change', data: Uint8Array.of(8, 1) },
      { index: 2, term: 1, kind: 'changeV2', data: new Uint8Array(0) },
    ],
    commit: 0,
  },
  { ...envelope, type: 'appendReply', index: 8, reject: false, hintIndex: 0, hintTerm: 0 },
  { ...envelope, type: 'appendReply', index: 8, reject: true, hintIndex: 5, hintTerm: 2 },
  { ...envelope, type: 'vote', lastIndex: 8, lastTerm: 3, transfer: false },
  { ...envelope, type: 'vote', lastIndex: 8, lastTerm: 3, transfer: true },
  { ...envelope, type: 'voteReply', reject: true },
  { ...envelope, type: 'voteReply', reject: false },
  { ...envelope, type: 'preVote', lastIndex: 8, lastTerm: 3 },
  { ...envelope, type: 'preVoteReply', reject: false },
  { ...envelope, type: 'snapshot', snapshot: { meta: { index: 7, term: 2, confState }, data: Uint8Array.of(9, 9) } },
  {
    ...envelope,
    type: 'snapshot',
    snapshot: { meta: { index: 7, term: 2, confState: { voters: [1n], learners: [] } }, data: new Uint8Array(0) },
  },
  { ...envelope, type: 'heartbeat', commit: 6, context: new Uint8Array(0) },
  { ...envelope, type: 'heartbeat', commit: 6, context: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1) },
  { ...envelope, type: 'heartbeatReply', context: Uint8Array.of(1, 2, 3) },
  { ...envelope, type: 'transferLeader' },
  { ...envelope, type: 'timeoutNow' },
  { ...envelope, type: 'readIndex', term: 0, context: Uint8Array.of(1) },
  { ...envelope, type: 'readIndexReply', index: 6, context: Uint8Array.of(1) },
];

/** What every Transport must do; run each case under your test runner. */
export function transportSuite(harness: TransportHarness): readonly SuiteCase[] {
  const withTransport = (name: string, run: (under: TransportUnderTest) => Promise<void>): SuiteCase => ({
    name,
    async run() {
      const under = await harness.open();
      try {
        await run(under);
      } finally {
        await under.close();
      }
    },
  });
  return [
    ...everyMessage.map((message, i) =>
      withTransport(`carries ${message.type} unchanged (${i + 1})`, async ({ transport, received, settle }) => {
        transport.send([message]);
        await settle();
        assertEqual(received, [message], message.type);
      }),
    ),
    withTransport('carries many at once', async ({ transport, received, settle }) => {
      transport.send(everyMessage);
      await settle();
      const sorted = (messages: readonly Message[]): readonly string[] => messages.map(({ type }) => type).sort();
      assertEqual(sorted(received), sorted(everyMessage), 'all of them');
    }),
    withTransport('drops what is for nobody without throwing', async ({ transport, received, settle }) => {
      transport.send([{ ...envelope, type: 'timeoutNow', to: 99n }]);
      await settle();
      assertEqual(received, [], 'nothing arrives');
    }),
  ];
}
