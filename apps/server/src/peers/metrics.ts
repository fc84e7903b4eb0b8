import { type Counter, type Gauge, type Histogram, silentCounter, silentGauge, silentHistogram } from '@kontiki/std';

/** What is counted between members. `remote`: the other member's id in hexadecimal, or `unknown`. */
export interface PeerMetrics {
  /** 1 while the streams are up in both directions. */
  active(remote: string): Gauge;
  /** 1 for each member we were told of; 0 once it was removed. */
  known(remote: string): Gauge;
  disconnected(remote: string): Counter;
  sentBytes(remote: string): Counter;
  receivedBytes(remote: string): Counter;
  /** Messages that were dropped, or lost with a connection. */
  sentFailures(remote: string): Counter;
  /** Messages and frames that could not be read, or were not for us. */
  receivedFailures(remote: string): Counter;
  roundTripSeconds(remote: string): Histogram;
  snapshotsSending(remote: string): Gauge;
  snapshotSent(remote: string): Counter;
  snapshotSendFailures(remote: string): Counter;
  snapshotSendSeconds(remote: string): Histogram;
  snapshotsReceiving(remote: string): Gauge;
  snapshotReceived(remote: string): Counter;
  snapshotReceiveFailures(remote: string): Counter;
  snapshotReceiveSeconds(remote: string): Histogram;
}

const counter = (): Counter => silentCounter;
const gauge = (): Gauge => silentGauge;
const histogram = (): Histogram => silentHistogram;

export const SILENT_METRICS: PeerMetrics = {
  active: gauge,
  known: gauge,
  disconnected: counter,
  sentBytes: counter,
  receivedBytes: counter,
  sentFailures: counter,
  receivedFailures: counter,
  roundTripSeconds: histogram,
  snapshotsSending: gauge,
  snapshotSent: counter,
  snapshotSendFailures: counter,
  snapshotSendSeconds: histogram,
  snapshotsReceiving: gauge,
  snapshotReceived: counter,
  snapshotReceiveFailures: counter,
  snapshotReceiveSeconds: histogram,
};

/** The numbers of one peer that change with every message: looked up once. */
export interface Traffic {
  readonly sentBytes: Counter;
  readonly receivedBytes: Counter;
  readonly sentFailures: Counter;
  readonly receivedFailures: Counter;
}

export function trafficOf(metrics: PeerMetrics, remote: string): Traffic {
  return {
    sentBytes: metrics.sentBytes(remote),
    receivedBytes: metrics.receivedBytes(remote),
    sentFailures: metrics.sentFailures(remote),
    receivedFailures: metrics.receivedFailures(remote),
  };
}
