import type { Agent, ServerResponse } from 'node:http';
import type { AppendMessage, Message } from '@kontiki/raft';
import { hexId } from '../cluster/member-id.js';
import type { PeerContext } from './context.js';
import { peerUrls, UrlPicker } from './dial.js';
import { LinkStatus } from './link-status.js';
import { MessageDecoder, MessageEncoder } from './message-stream.js';
import { type Traffic, trafficOf } from './metrics.js';
import { AppendDecoder, AppendEncoder } from './msgappv2.js';
import { Pipeline } from './pipeline.js';
import { Prober } from './prober.js';
import { SnapshotSender } from './snapshot-sender.js';
import { type StreamKind, StreamReader } from './stream-reader.js';
import { StreamWriter } from './stream-writer.js';

/** A connection that was not used for so long is made anew: the other side may be about to close it. */
const IDLE_CONNECTION_MS = 3000;
/** Appends keep their order; heartbeats, votes and what else is small never wait behind one that hangs. */
const APPENDS_AT_ONCE = 1;
const OTHERS_AT_ONCE = 2;
const COMPLAIN_EVERY_MS = 10_000;

/**
 * Another member: what goes there and what comes from there.
 *
 * | message   | way                                                                |
 * |-----------|--------------------------------------------------------------------|
 * | append    | its own stream; while that is down, one request each, in order     |
 * | snapshot  | a request of its own                                               |
 * | all other | the message stream; while that is down, one request each           |
 *
 * Nothing is queued behind something of another row. A *stranger* is a member that this one was not told of yet: it gets
 * answers by requests and has no streams.
 */
export class Peer {
  readonly id: bigint;
  readonly #context: PeerContext;
  readonly #picker: UrlPicker;
  readonly #traffic: Traffic;
  readonly #agents: readonly Agent[];
  readonly #appends: Pipeline;
  readonly #others: Pipeline;
  readonly #snapshots: SnapshotSender;
  readonly #streams: Streams | undefined;
  #complainedMs = Number.NEGATIVE_INFINITY;

  constructor(id: bigint, urls: readonly string[], relation: 'peer' | 'stranger', context: PeerContext) {
    this.id = id;
    this.#context = context;
    this.#picker = new UrlPicker(this.#dialable(urls));
    this.#traffic = trafficOf(context.metrics, relation === 'peer' ? hexId(id) : 'unknown');
    const { dialer } = context;
    const agent = dialer.createAgent({ keepAlive: true, timeout: IDLE_CONNECTION_MS });
    const probing = dialer.createAgent({ keepAlive: true, maxSockets: 1 });
    this.#agents = [agent, probing];
    const shared = { peer: id, picker: this.#picker, traffic: this.#traffic, agent };
    this.#appends = new Pipeline({ ...shared, concurrency: APPENDS_AT_ONCE }, context);
    this.#others = new Pipeline({ ...shared, concurrency: OTHERS_AT_ONCE }, context);
    this.#snapshots = new SnapshotSender(shared, context);
    if (relation === 'peer') this.#streams = openStreams(this, { ...shared, agent: probing }, context);
  }

  /** Monotonic milliseconds since when messages flow both ways without a break. */
  get activeSince(): number | undefined {
    return this.#streams?.status.activeSince;
  }

  update(urls: readonly string[]): void {
    this.#picker.update(this.#dialable(urls));
    this.#wake();
  }

  /** Never waits; a message that finds no room is dropped and reported. */
  send(message: Message): void {
    if (message.type === 'snapshot') {
      this.#snapshots.send(message);
      return;
    }
    const streams = this.#streams;
    const sent =
      message.type === 'append'
        ? streams?.appendWriter.isUp
          ? streams.appendWriter.send(message)
          : this.#appends.send(message)
        : streams?.messageWriter.isUp
          ? streams.messageWriter.send(message)
          : this.#others.send(message);
    if (!sent) this.#dropped(message);
  }

  /** The peer asked for one of its streams; its head has been answered. */
  attach(kind: StreamKind, response: ServerResponse): void {
    if (kind === 'msgapp') this.#streams?.appendWriter.attach(response);
    else this.#streams?.messageWriter.attach(response);
    // Who can reach us can most likely be reached.
    this.#wake();
  }

  /** Resolves when no connection is left. */
  async stop(): Promise<void> {
    this.#streams?.prober.stop();
    for (const reader of this.#streams?.readers ?? []) reader.stop();
    this.#streams?.appendWriter.detach('stopped');
    this.#streams?.messageWriter.detach('stopped');
    this.#streams?.status.down('in', 'stopped');
    this.#appends.stop();
    this.#others.stop();
    await this.#snapshots.stop();
    for (const agent of this.#agents) agent.destroy();
  }

  #wake(): void {
    for (const reader of this.#streams?.readers ?? []) reader.wake();
  }

  #dropped(message: Message): void {
    const { events, clock, logger } = this.#context;
    this.#traffic.sentFailures.add();
    events.reportUnreachable(this.id);
    const nowMs = clock.monotonic();
    if (nowMs - this.#complainedMs < COMPLAIN_EVERY_MS) return;
    this.#complainedMs = nowMs;
    logger.warn('dropped messages to remote peer: more wait than may', {
      'remote-peer-id': hexId(this.id),
      'message-type': message.type,
    });
  }

  #dialable(urls: readonly string[]): ReturnType<typeof peerUrls> {
    const found = peerUrls(urls);
    if (found.length < urls.length) {
      this.#context.logger.warn('ignored addresses of remote peer that are no URLs', {
        'remote-peer-id': hexId(this.id),
        urls,
      });
    }
    return found;
  }
}

/** What only a peer has that we were told of. */
interface Streams {
  readonly status: LinkStatus;
  readonly appendWriter: StreamWriter<AppendMessage>;
  readonly messageWriter: StreamWriter<Message>;
  readonly readers: readonly StreamReader[];
  readonly prober: Prober;
}

function openStreams(
  { id }: Peer,
  shared: { readonly peer: bigint; readonly picker: UrlPicker; readonly traffic: Traffic; readonly agent: Agent },
  context: PeerContext,
): Streams {
  const { identity, metrics, limits, clock, logger } = context;
  const remote = hexId(id);
  const status = new LinkStatus({
    clock,
    logger,
    peer: remote,
    active: metrics.active(remote),
    disconnected: metrics.disconnected(remote),
  });
  const messageWriter = new StreamWriter<Message>(
    {
      ...shared,
      kind: 'message',
      createEncoder: () => new MessageEncoder(),
      onUp: () => status.up('out'),
      onDown: (reason) => status.down('out', reason),
    },
    context,
  );
  const appendWriter = new StreamWriter<AppendMessage>(
    { ...shared, kind: 'msgapp', createEncoder: () => new AppendEncoder(), onUp: () => {}, onDown: () => {} },
    context,
  );
  /** What goes to a peer from which nothing comes would vanish unseen for as long as the kernel keeps trying. */
  const alsoEnd = (reason: string, silent: boolean): void => {
    if (!silent) return;
    messageWriter.detach(reason);
    appendWriter.detach(reason);
  };
  const messageReader = new StreamReader(
    {
      ...shared,
      kind: 'message',
      createDecoder: () => new MessageDecoder(limits.frameBytes),
      onUp: () => status.up('in'),
      onGone: () => context.events.reportGone(id),
      onDown: (reason, silent) => {
        status.down('in', reason);
        alsoEnd(reason, silent);
      },
    },
    context,
  );
  const appendReader = new StreamReader(
    {
      ...shared,
      kind: 'msgapp',
      createDecoder: () => new AppendDecoder(id, identity.memberId, limits.frameBytes),
      onUp: () => {},
      onDown: alsoEnd,
    },
    context,
  );
  const readers = [messageReader, appendReader];
  for (const reader of readers) reader.wake();
  const prober = new Prober({ ...shared, roundTripSeconds: metrics.roundTripSeconds(remote) }, context);
  return { status, appendWriter, messageWriter, readers, prober };
}
