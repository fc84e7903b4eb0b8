/**
 * A check that never fails says nothing. Each property is broken here on purpose, by something put in place of one part
 * of the members; the simulation must notice, and by that property.
 */
import type { Message, Transport } from '@kontiki/raft';
import type { FaultKind } from '@kontiki/sim';
import type { FileSystem } from '@kontiki/std';
import { expect, it } from 'vitest';
import { Violation } from '../../src/checks/checks.js';
import type { Wrapping } from '../../src/member.js';
import { run } from '../../src/run.js';

interface Planted {
  readonly bug: string;
  /** Which property must be found broken. */
  readonly property: string;
  readonly wrapping: Wrapping;
  readonly faults: readonly FaultKind[];
  readonly seeds: number;
}

const NETWORK: readonly FaultKind[] = ['partition', 'isolate', 'lossy', 'slowNetwork', 'pause'];

/** Changes what one kind of message says. */
function telling<T extends Message['type']>(
  type: T,
  change: (message: Extract<Message, { type: T }>) => Message,
): Wrapping {
  const wrap = (transport: Transport): Transport => ({
    send: (messages) =>
      transport.send(
        messages.map((message) => (message.type === type ? change(message as Extract<Message, { type: T }>) : message)),
      ),
  });
  return { transport: wrap };
}

/** Says that everything is synced, and syncs nothing. */
function lying(fileSystem: FileSystem): FileSystem {
  return {
    ...fileSystem,
    open: async (path, mode) => ({ ...(await fileSystem.open(path, mode)), datasync: () => Promise.resolve() }),
  };
}

const PLANTED: readonly Planted[] = [
  {
    bug: 'votes are given to whoever asks',
    property: 'election safety',
    wrapping: telling('voteReply', (message) => ({ ...message, reject: false })),
    faults: NETWORK,
    seeds: 100,
  },
  {
    bug: 'the vote is not written down',
    property: 'one vote per term',
    wrapping: {
      writer: (writer) => ({
        append: (batch) =>
          writer.append(
            batch.hardState === undefined ? batch : { ...batch, hardState: { ...batch.hardState, vote: 0n } },
          ),
      }),
    },
    faults: ['kill', ...NETWORK],
    seeds: 200,
  },
  {
    bug: 'entries change on their way',
    property: 'log matching',
    wrapping: telling('append', (message) => ({
      ...message,
      entries: message.entries.map((entry) =>
        entry.index % 20 === 0 && entry.kind === 'normal' && entry.data.length > 0
          ? { ...entry, data: entry.data.map((byte, at) => (at === 7 ? byte ^ 1 : byte)) }
          : entry,
      ),
    })),
    faults: [],
    seeds: 5,
  },
  {
    bug: 'candidates boast of a log they do not have',
    property: 'leader completeness',
    wrapping: telling('vote', (message) => ({ ...message, lastTerm: message.term, lastIndex: 1_000_000 })),
    faults: NETWORK,
    seeds: 100,
  },
  {
    bug: 'candidates boast, seen by whole logs',
    property: 'whole logs',
    wrapping: telling('vote', (message) => ({ ...message, lastTerm: message.term, lastIndex: 1_000_000 })),
    faults: NETWORK,
    seeds: 100,
  },
  {
    bug: 'more is acknowledged than was received',
    property: 'durable before visible',
    wrapping: telling('appendReply', (message) =>
      message.reject ? message : { ...message, index: message.index + 1 },
    ),
    faults: [],
    seeds: 5,
  },
  {
    bug: 'one member leaves an entry out',
    property: 'state machine safety',
    wrapping: {
      stateMachine: (stateMachine, id) =>
        id !== 2n
          ? stateMachine
          : {
              ...stateMachine,
              apply: (entries) => stateMachine.apply(entries.filter(({ index }) => index % 30 !== 0)),
            },
    },
    faults: [],
    seeds: 5,
  },
  {
    bug: 'a snapshot is of another state',
    property: 'state machine safety',
    wrapping: telling('snapshot', (message) => {
      const { snapshot } = message;
      const text = new TextDecoder().decode(snapshot.data).replace(/"digest":\d/, '"digest":');
      return { ...message, snapshot: { ...snapshot, data: new TextEncoder().encode(text) } };
    }),
    faults: ['isolate', 'kill'],
    seeds: 100,
  },
  {
    bug: 'the disk says synced and is not',
    property: 'what is durable is found again',
    wrapping: { fileSystem: lying },
    faults: ['powerCut'],
    seeds: 20,
  },
  {
    bug: 'a write is called done when it begins',
    property: 'what is durable is found again',
    wrapping: {
      writer: (writer) => ({
        append: (batch) => {
          void writer.append(batch);
          return Promise.resolve();
        },
      }),
    },
    faults: ['powerCut', 'slowDisk'],
    seeds: 50,
  },
  {
    bug: 'the leader tells readers of an old index',
    property: 'linearizable',
    wrapping: telling('readIndexReply', (message) => ({ ...message, index: 0 })),
    faults: NETWORK,
    seeds: 50,
  },
];

it.each(PLANTED)('finds that $bug ($property)', async ({ property, wrapping, faults, seeds }) => {
  for (let seed = 0; seed < seeds; seed++) {
    const { error } = await run({
      seed,
      members: 3,
      events: 4_000,
      wrapping,
      faults,
      resizes: false,
      properties: [property],
      traceLimit: 0,
    });
    if (error instanceof Violation) {
      expect(error.property).toBe(property);
      return;
    }
  }
  expect.unreachable(`not found within ${seeds} seeds`);
});

it('finds that a member never becomes well again', async () => {
  const wrapping: Wrapping = {
    transport: (transport, id) => ({
      send: (messages) =>
        transport.send(messages.filter(({ to, type }) => !(to === 2n && type === 'append' && id !== 2n))),
    }),
  };
  const { error } = await run({ seed: 1, members: 3, events: 500, wrapping, faults: [], resizes: false });
  expect(String(error)).toContain('not well again');
});
