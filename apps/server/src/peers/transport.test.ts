import { transportSuite } from '@kontiki/raft/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { connected, introduce, LoopbackMember, until } from './testing/loopback.js';
import type { PeerTransportOptions } from './transport.js';

const running: LoopbackMember[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((member) => member.stop()));
});

async function members(count: number, options: Partial<PeerTransportOptions> = {}): Promise<LoopbackMember[]> {
  const started = await Promise.all(
    Array.from({ length: count }, (_, i) => LoopbackMember.start(BigInt(i + 1), options)),
  );
  running.push(...started);
  return started;
}

async function cluster(count: number, options: Partial<PeerTransportOptions> = {}): Promise<LoopbackMember[]> {
  const started = await members(count, options);
  introduce(started);
  await connected(started);
  return started;
}

/** What the suite of every transport asks, of the one that `pair` gives. */
function suite(pair: () => Promise<readonly [LoopbackMember, LoopbackMember]>): void {
  const cases = transportSuite({
    async open() {
      const [one, two] = await pair();
      let sent = 0;
      return {
        transport: {
          send(messages) {
            sent += messages.filter(({ to }) => to === two.id).length;
            one.transport.send(messages);
          },
        },
        received: two.received,
        settle: () => until(() => two.received.length >= sent, 'every message'),
        close: async () => {},
      };
    },
  });
  it.each(cases.map((one) => [one.name, one] as const))('%s', (_, { run }) => run());
}

describe('over streams', () => {
  suite(async () => (await cluster(2)) as [LoopbackMember, LoopbackMember]);
});

describe('without streams', () => {
  suite(async () => {
    const [one, two] = (await members(2)) as [LoopbackMember, LoopbackMember];
    // It is told of nobody: every stream asked of it is refused, and it asks for none.
    one.transport.addPeer(two.id, [two.url]);
    return [one, two];
  });
});

it('reports a snapshot that was handed over', async () => {
  const [one, two] = (await cluster(2)) as [LoopbackMember, LoopbackMember];
  const meta = { index: 7, term: 2, confState: { voters: [1n, 2n], learners: [] } };
  one.transport.send([{ type: 'snapshot', from: 1n, to: 2n, term: 2, snapshot: { meta, data: Uint8Array.of(1) } }]);
  await until(() => one.snapshots.length > 0);
  expect(one.snapshots).toEqual([[2n, true]]);
  expect(two.received.map(({ type }) => type)).toEqual(['snapshot']);
});
