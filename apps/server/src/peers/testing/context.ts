import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Message } from '@kontiki/raft';
import { SeededRandom, silentLogger } from '@kontiki/std';
import { ManualClock } from '../../testing/manual-clock.js';
import type { PeerContext } from '../context.js';
import { plainDialer } from '../dial.js';
import { DEFAULT_LIMITS, type PeerLimits } from '../limits.js';
import { SILENT_METRICS } from '../metrics.js';
import { plainSnapshots } from './loopback.js';

/** The world of a peer with a clock to be moved by hand, and what raft was told. */
export interface TestContext extends PeerContext {
  readonly clock: ManualClock;
  readonly received: Message[];
  readonly unreachable: bigint[];
}

export function testContext(limits: Partial<PeerLimits> = {}): TestContext {
  const received: Message[] = [];
  const unreachable: bigint[] = [];
  return {
    identity: { memberId: 1n, clusterId: 0xc1n, serverVersion: '3.6.14', minClusterVersion: '3.0.0' },
    ownPeerUrls: () => ['http://127.0.0.1:2380'],
    events: {
      receive: (message) => void received.push(message),
      reportUnreachable: (id) => void unreachable.push(id),
      reportSnapshot: () => {},
      reportGone: () => {},
      isRemoved: () => false,
      onRemoved: () => {},
    },
    snapshots: plainSnapshots,
    dialer: plainDialer,
    clock: new ManualClock(),
    random: new SeededRandom(1),
    logger: silentLogger,
    metrics: SILENT_METRICS,
    limits: { ...DEFAULT_LIMITS, ...limits },
    received,
    unreachable,
  };
}

/** An answer that says when it has enough. */
export class FakeResponse extends EventEmitter {
  readonly written: Uint8Array[] = [];
  full = false;
  destroyed = false;
  readonly socket = undefined;

  write(bytes: Uint8Array): boolean {
    this.written.push(bytes);
    return !this.full;
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.emit('close');
  }

  get asResponse(): ServerResponse {
    return this as unknown as ServerResponse;
  }
}
