import { type Counter, type Gauge, type Histogram, silentCounter, silentGauge, silentHistogram } from '@kontiki/std';

/** What a store counts, if it is given something to count with. */
export interface MvccMetrics {
  /** Keys put, keys deleted; one each per key. */
  readonly puts: Counter;
  readonly deletes: Counter;
  /** Range reads, those inside transactions included. */
  readonly ranges: Counter;
  readonly txns: Counter;
  /** Keys that exist. */
  readonly keys: Gauge;
  readonly currentRevision: Gauge;
  readonly compactRevision: Gauge;
  /** Stored bytes of all puts since the store was opened. */
  readonly putBytes: Counter;
  /** Versions a compaction removed. */
  readonly compactedVersions: Counter;
  /** Wall time at which the last compaction ended, seconds since 1970. */
  readonly lastCompaction: Gauge;
  /** How long one step of a compaction held the thread. */
  readonly compactionPauseMs: Histogram;
  /** How long a compaction took from the request to the end. */
  readonly compactionTotalMs: Histogram;
  /** How long a hash took. */
  readonly hashSeconds: Histogram;
}

export function withSilence(metrics: Partial<MvccMetrics> = {}): MvccMetrics {
  return {
    puts: silentCounter,
    deletes: silentCounter,
    ranges: silentCounter,
    txns: silentCounter,
    keys: silentGauge,
    currentRevision: silentGauge,
    compactRevision: silentGauge,
    putBytes: silentCounter,
    compactedVersions: silentCounter,
    lastCompaction: silentGauge,
    compactionPauseMs: silentHistogram,
    compactionTotalMs: silentHistogram,
    hashSeconds: silentHistogram,
    ...metrics,
  };
}
