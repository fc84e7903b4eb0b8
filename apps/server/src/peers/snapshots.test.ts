import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { SnapshotMessage } from '@kontiki/raft';
import { afterEach, expect, it } from 'vitest';
import type { OutgoingSnapshot, SnapshotPort } from './context.js';
import { connected, introduce, LoopbackMember, until } from './testing/loopback.js';
import { Wire } from './testing/wire.js';
import type { PeerTransportOptions } from './transport.js';

const running: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()));
});

async function start(id: bigint, options: Partial<PeerTransportOptions> = {}): Promise<LoopbackMember> {
  const member = await LoopbackMember.start(id, options);
  running.push(member);
  return member;
}

const sha256 = (bytes: Uint8Array): Uint8Array => new Uint8Array(createHash('sha256').update(bytes).digest());

/** Sends one file, and counts how often it was let go. */
class Source implements SnapshotPort {
  released = 0;
  opened: Uint8Array[] = [];
  readonly #file: Uint8Array;
  readonly #changes: Partial<OutgoingSnapshot>;

  constructor(file: Uint8Array, changes: Partial<OutgoingSnapshot> = {}) {
    this.#file = file;
    this.#changes = changes;
  }

  async open(data: Uint8Array): Promise<OutgoingSnapshot> {
    this.opened.push(data);
    const file = this.#file;
    return {
      sizeBytes: file.length,
      sha256: sha256(file),
      messageData: Uint8Array.of(7, 7),
      chunks: (async function* () {
        for (let at = 0; at < file.length; at += 256 * 1024) yield file.subarray(at, at + 256 * 1024);
      })(),
      release: async () => {
        this.released++;
      },
      ...this.#changes,
    };
  }

  receive(): Promise<Uint8Array> {
    return Promise.reject(new Error('this side sends'));
  }
}

/** Takes a file in if its hash is right, as whoever stores it must. */
class Sink implements SnapshotPort {
  readonly files: Uint8Array[] = [];
  readonly messages: SnapshotMessage[] = [];
  failures = 0;

  open(): Promise<OutgoingSnapshot> {
    return Promise.reject(new Error('this side receives'));
  }

  async receive(message: SnapshotMessage, body: AsyncIterable<Uint8Array>, hash?: Uint8Array): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    try {
      for await (const chunk of body) chunks.push(chunk);
      const file = new Uint8Array(Buffer.concat(chunks));
      if (hash !== undefined && Buffer.compare(sha256(file), hash) !== 0) throw new Error('wrong hash');
      this.files.push(file);
      this.messages.push(message);
      return Uint8Array.of(this.files.length);
    } catch (error) {
      this.failures++;
      throw error;
    }
  }
}

const message: SnapshotMessage = {
  type: 'snapshot',
  from: 1n,
  to: 2n,
  term: 2,
  snapshot: {
    meta: { index: 7, term: 2, confState: { voters: [1n, 2n], learners: [] } },
    data: Uint8Array.of(1, 2, 3),
  },
};

it('hands a file over while heartbeats go on, both ways', async () => {
  const file = new Uint8Array(randomBytes(64 * 1024 * 1024));
  const [source, sink] = [new Source(file), new Sink()];
  const one = await start(1n, { snapshots: source });
  const two = await start(2n, { snapshots: sink });
  introduce([one, two]);
  await connected([one, two]);
  one.transport.send([message]);
  let beats = 0;
  while (one.snapshots.length === 0) {
    const commit = beats++;
    one.transport.send([{ type: 'heartbeat', from: 1n, to: 2n, term: 2, commit, context: new Uint8Array(0) }]);
    two.transport.send([{ type: 'heartbeatReply', from: 2n, to: 1n, term: 2, context: new Uint8Array(0) }]);
    await until(() => two.received.some((each) => each.type === 'heartbeat' && each.commit === commit));
  }
  expect(beats).toBeGreaterThan(3);
  expect(one.snapshots).toEqual([[2n, true]]);
  expect(Buffer.compare(sink.files[0]!, file)).toBe(0);
  expect(source.opened).toEqual([message.snapshot.data]);
  expect(source.released).toBe(1);
  // On the wire the message carries what the sender's store says; raft gets what the receiver's store answered.
  expect(sink.messages[0]!.snapshot.data).toEqual(Uint8Array.of(7, 7));
  const arrived = two.received.find(({ type }) => type === 'snapshot');
  expect(arrived).toEqual({ ...message, snapshot: { ...message.snapshot, data: Uint8Array.of(1) } });
});

async function failing(
  source: SnapshotPort,
  sink: SnapshotPort,
  options: Partial<PeerTransportOptions> = {},
  trouble: (wire: Wire) => void = () => {},
): Promise<{ one: LoopbackMember; two: LoopbackMember }> {
  const one = await start(1n, { ...options, snapshots: source });
  const two = await start(2n, { ...options, snapshots: sink });
  const wire = await Wire.start(two.url);
  running.push(wire);
  one.transport.addPeer(2n, [wire.url]);
  trouble(wire);
  one.transport.send([message]);
  await until(() => one.snapshots.length > 0);
  expect(one.snapshots).toEqual([[2n, false]]);
  expect(one.unreachable).toContain(2n);
  expect(two.received.filter(({ type }) => type === 'snapshot')).toEqual([]);
  return { one, two };
}

const file = new Uint8Array(randomBytes(3 * 1024 * 1024));

it('is not handed over when a byte changes on the way', async () => {
  const [source, sink] = [new Source(file), new Sink()];
  let passed = 0;
  await failing(source, sink, {}, (wire) => {
    wire.alter = (chunk) => {
      passed += chunk.length;
      if (passed > 2_000_000 && passed - chunk.length <= 2_000_000) chunk[0]! ^= 1;
      return chunk;
    };
  });
  expect([source.released, sink.files.length, sink.failures]).toEqual([1, 0, 1]);
});

it('is not handed over when the connection breaks in the middle', async () => {
  const [source, sink] = [new Source(file), new Sink()];
  let passed = 0;
  await failing(source, sink, {}, (wire) => {
    wire.alter = (chunk) => {
      passed += chunk.length;
      if (passed > 2_000_000) setImmediate(() => wire.cut());
      return chunk;
    };
  });
  await until(() => sink.failures === 1);
  expect([source.released, sink.files.length]).toEqual([1, 0]);
});

it('is given up when the other side says nothing any more', async () => {
  const [source, sink] = [new Source(file), new Sink()];
  let passed = 0;
  const limits = { dialMs: 100, writeMs: 100, snapshotIdleMs: 200 };
  await failing(source, sink, { limits }, (wire) => {
    wire.alter = (chunk) => {
      passed += chunk.length;
      wire.frozen = passed > 1_000_000;
      return chunk;
    };
  });
  await until(() => sink.failures === 1);
  expect([source.released, sink.files.length]).toEqual([1, 0]);
});

it('is given up when the whole of it is never answered', async () => {
  const source = new Source(new Uint8Array(10));
  const never: SnapshotPort = { ...new Sink(), open: new Sink().open, receive: () => new Promise<never>(() => {}) };
  const one = await start(1n, { snapshots: source, limits: { snapshotAnswerMs: 50 } });
  const two = await start(2n, { snapshots: never });
  one.transport.addPeer(2n, [two.url]);
  one.transport.send([message]);
  await until(() => one.snapshots.length > 0);
  expect(one.snapshots).toEqual([[2n, false]]);
  // What never settles must not keep the other side from stopping either: its listener is only closed here.
  running.splice(running.indexOf(two), 1);
  two.cut();
});

it.each([
  ['shorter', file.length + 1],
  ['longer', file.length - 1],
])('is not handed over when it is %s than was said', async (_, sizeBytes) => {
  const [source, sink] = [new Source(file, { sizeBytes }), new Sink()];
  await failing(source, sink);
  expect([source.released, sink.files.length]).toEqual([1, 0]);
});

it('is not handed over when reading it fails', async () => {
  const chunks = (async function* (): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(1000);
    throw new Error('the disk broke');
  })();
  const [source, sink] = [new Source(file, { chunks }), new Sink()];
  await failing(source, sink);
  expect(source.released).toBe(1);
});

it('is not handed over when there is nothing to open', async () => {
  await failing(
    { ...new Sink(), open: () => Promise.reject(new Error('gone')), receive: new Sink().receive },
    new Sink(),
  );
});

it('is not handed over when the other side does not take it, and is not sent to the end', async () => {
  let sent = 0;
  const chunks = (async function* (): AsyncGenerator<Uint8Array> {
    for (; sent < 200; sent++) yield new Uint8Array(1024 * 1024);
  })();
  const source = new Source(new Uint8Array(200 * 1024 * 1024), { chunks });
  const picky: SnapshotPort = {
    open: () => Promise.reject(new Error('this side receives')),
    receive: () => Promise.reject(new Error('no room')),
  };
  await failing(source, picky);
  expect(sent).toBeLessThan(200);
  expect(source.released).toBe(1);
});

it('is not handed over to who takes it before it is whole', async () => {
  const hasty = createServer((_request, response) => response.writeHead(204).end());
  hasty.listen(0, '127.0.0.1');
  await once(hasty, 'listening');
  running.push({
    stop: async () => {
      hasty.close();
      hasty.closeAllConnections();
    },
  });
  let read = false;
  const chunks = (async function* (): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(1000);
    // The answer comes before the rest.
    await new Promise((resolve) => setTimeout(resolve, 200));
    read = true;
    yield new Uint8Array(1000);
  })();
  const source = new Source(new Uint8Array(2000), { chunks });
  const one = await start(1n, { snapshots: source });
  one.transport.addPeer(2n, [`http://127.0.0.1:${(hasty.address() as AddressInfo).port}`]);
  one.transport.send([message]);
  await until(() => one.snapshots.length > 0);
  expect([one.snapshots, read]).toEqual([[[2n, false]], false]);
});

it('to nobody is reported as failed', async () => {
  const one = await start(1n, { snapshots: new Source(file) });
  one.transport.send([{ ...message, to: 9n }]);
  expect(one.snapshots).toEqual([[9n, false]]);
});

it('under way is let go when the transport stops', async () => {
  const chunks = (async function* (): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(1000);
    await new Promise(() => {});
  })();
  const [source, sink] = [new Source(file, { chunks }), new Sink()];
  const one = await start(1n, { snapshots: source });
  const two = await start(2n, { snapshots: sink });
  one.transport.addPeer(2n, [two.url]);
  one.transport.send([message]);
  await until(() => two.sockets.size > 0);
  await one.transport.stop();
  await until(() => two.sockets.size === 0);
  expect([source.released, one.snapshots]).toEqual([1, []]);
});
