import type { SnapshotMessage } from '@kontiki/raft';
import { hexId } from '../cluster/member-id.js';
import type { OutgoingSnapshot, PeerContext } from './context.js';
import { requestTarget, type UrlPicker } from './dial.js';
import { PeerError, reasonOf } from './errors.js';
import { type Exchange, exchange, type Reply } from './exchange.js';
import { refusalOf, requestHeaders } from './headers.js';
import type { Traffic } from './metrics.js';
import { encodeHead, HASH_HEADER } from './snapshot-stream.js';
import { Watchdog } from './watchdog.js';

export interface SnapshotSenderOptions {
  readonly peer: bigint;
  readonly picker: UrlPicker;
  readonly traffic: Traffic;
}

/** One snapshot on its way. */
interface Transfer {
  aborted: PeerError | undefined;
  exchange: Exchange | undefined;
}

/** A newer one may begin while the last one hangs; one more, and the oldest is given up: nobody waits for it any more. */
const TRANSFERS_AT_ONCE = 2;

/** Sends snapshots to one peer, each on a connection of its own. Of each is reported whether it was handed over. */
export class SnapshotSender {
  readonly #options: SnapshotSenderOptions;
  readonly #context: PeerContext;
  /** In the order they began. */
  readonly #transfers = new Map<Transfer, Promise<void>>();
  #stopped = false;

  constructor(options: SnapshotSenderOptions, context: PeerContext) {
    this.#options = options;
    this.#context = context;
  }

  /** Returns at once; what becomes of it is reported. */
  send(message: SnapshotMessage): void {
    if (this.#stopped) return;
    const [oldest] = this.#transfers.keys();
    if (this.#transfers.size >= TRANSFERS_AT_ONCE) abort(oldest!, 'replaced by a newer snapshot');
    const transfer: Transfer = { aborted: undefined, exchange: undefined };
    const running = this.#run(message, transfer).finally(() => this.#transfers.delete(transfer));
    this.#transfers.set(transfer, running);
  }

  /** Resolves when nothing is open any more. What was under way counts as failed. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const transfer of this.#transfers.keys()) abort(transfer, 'stopped');
    await Promise.all(this.#transfers.values());
  }

  async #run(message: SnapshotMessage, transfer: Transfer): Promise<void> {
    const { peer, traffic } = this.#options;
    const { clock, logger, metrics, events } = this.#context;
    const remote = hexId(peer);
    const about = { 'remote-peer-id': remote, 'snapshot-index': message.snapshot.meta.index };
    const startedMs = clock.monotonic();
    let sent = 0;
    let failure: unknown;
    try {
      sent = await this.#transfer(message, transfer, about);
    } catch (error) {
      failure = transfer.aborted ?? error;
    }
    if (failure === undefined) {
      logger.info('sent database snapshot', { ...about, bytes: sent });
      traffic.sentBytes.add(sent);
      metrics.snapshotSent(remote).add();
      metrics.snapshotSendSeconds(remote).observe((clock.monotonic() - startedMs) / 1000);
    } else {
      logger.warn('failed to send database snapshot', { ...about, error: reasonOf(failure) });
      traffic.sentFailures.add();
      metrics.snapshotSendFailures(remote).add();
    }
    if (failure !== undefined) events.reportUnreachable(peer);
    events.reportSnapshot(peer, failure === undefined);
  }

  async #transfer(message: SnapshotMessage, transfer: Transfer, about: Record<string, unknown>): Promise<number> {
    const { snapshots, logger, metrics } = this.#context;
    const inflight = metrics.snapshotsSending(hexId(this.#options.peer));
    const snapshot = await snapshots.open(message.snapshot.data);
    inflight.set(1);
    try {
      if (transfer.aborted !== undefined) throw transfer.aborted;
      logger.info('sending database snapshot', { ...about, bytes: snapshot.sizeBytes });
      return await this.#post(encodeHead(message, snapshot.messageData), snapshot, transfer);
    } finally {
      inflight.set(0);
      await snapshot.release();
    }
  }

  async #post(head: Uint8Array, snapshot: OutgoingSnapshot, transfer: Transfer): Promise<number> {
    const { picker } = this.#options;
    const { identity, ownPeerUrls, events } = this.#context;
    const url = picker.pick();
    if (url === undefined) throw new PeerError('PEER_REFUSED', 'the peer has no address that can be dialled');
    const total = head.length + snapshot.sizeBytes;
    const posted = exchange(
      {
        ...requestTarget(url, '/raft/snapshot'),
        method: 'POST',
        headers: {
          ...requestHeaders(identity, ownPeerUrls()),
          'Content-Type': 'application/octet-stream',
          // With the length a body that was cut off is not taken for a whole one.
          'Content-Length': total,
          [HASH_HEADER]: Buffer.from(snapshot.sha256).toString('hex'),
        },
        agent: false,
      },
      undefined,
      this.#context,
    );
    transfer.exchange = posted;
    try {
      await this.#write(posted, head, snapshot);
      const { status, headers, body } = await this.#answer(posted);
      if (status === 204) return total;
      const refusal = refusalOf(status, headers, body, identity);
      if (refusal === 'removed') events.onRemoved();
      throw new PeerError('PEER_REFUSED', refusal === 'removed' ? 'this member was removed' : refusal.reason);
    } catch (error) {
      picker.failed(url);
      posted.end(error instanceof PeerError ? error : new PeerError('PEER_CLOSED', reasonOf(error)));
      throw error;
    }
  }

  /** Writes no faster than the peer reads, and stops when it answers before the end. */
  async #write(posted: Exchange, head: Uint8Array, { chunks, sizeBytes }: OutgoingSnapshot): Promise<void> {
    const { clock, limits } = this.#context;
    const { request, reply } = posted;
    const watchdog = new Watchdog(clock, limits.dialMs + limits.writeMs, () => {
      posted.end(new PeerError('PEER_SILENT', 'the peer takes no bytes'));
    });
    request.once('socket', (socket) => {
      socket.setNoDelay(true);
      // The answer may take minutes; a host that is gone shows by not answering these.
      socket.setKeepAlive(true, limits.readMs);
    });
    let answered = false;
    const mark = (): undefined => {
      answered = true;
      return undefined;
    };
    const over = reply.then(mark, mark);
    const written = async (bytes: Uint8Array): Promise<void> => {
      if (request.write(bytes)) return;
      watchdog.start();
      await Promise.race([new Promise<void>((resolve) => request.once('drain', resolve)), over]);
      watchdog.stop();
    };
    await written(head);
    const source = chunks[Symbol.asyncIterator]();
    try {
      let bytes = 0;
      while (!answered) {
        const read = await Promise.race([source.next(), over]);
        if (read === undefined || answered) break;
        if (read.done !== true) bytes += read.value.length;
        if (bytes > sizeBytes || (read.done === true && bytes < sizeBytes)) {
          throw new PeerError('SNAPSHOT_LENGTH', `a snapshot of ${sizeBytes} bytes turned out to have another length`);
        }
        if (read.done === true) {
          request.end();
          return;
        }
        await written(read.value);
      }
    } finally {
      watchdog.stop();
      // Not waited for: a read that hangs must not keep what was given up.
      source.return?.()?.catch(() => {});
    }
    const { status } = await reply;
    if (status === 204) throw new PeerError('PEER_REFUSED', 'the peer took a snapshot before it was whole');
  }

  async #answer(posted: Exchange): Promise<Reply> {
    const { clock, limits } = this.#context;
    const deadline = clock.after(limits.snapshotAnswerMs, () => {
      posted.end(new PeerError('PEER_SILENT', 'no answer to a whole snapshot'));
    });
    try {
      return await posted.reply;
    } finally {
      deadline.cancel();
    }
  }
}

function abort(transfer: Transfer, why: string): void {
  transfer.aborted ??= new PeerError('PEER_CLOSED', why);
  transfer.exchange?.end(transfer.aborted);
}
