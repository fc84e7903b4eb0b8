import type { Clock, Counter, FileSystem, Histogram, Logger } from '@kontiki/std';
import type { WalRecord } from './frame.js';

export interface WalOptions {
  readonly fileSystem: FileSystem;
  /** The folder of the log: it holds nothing else. Whoever shares the disk keeps others out (see the README). */
  readonly directory: string;
  /** A new file is begun once one holds this many bytes. Default 64 MiB. A single batch may exceed it. */
  readonly segmentBytes?: number;
  /**
   * What every file repeats at its start, so that a reader may begin at any of them (etcd: metadata, hard state).
   * Called inside `append`, synchronously, whenever the file may end with that append. Must answer what holds after
   * the records of that append, not after later ones: what is told here is on the disk before they are.
   */
  readonly head: () => readonly WalRecord[];
  /**
   * What is wrong with a record, if anything, for an owner who knows its types. The checksum covers the data, not the
   * type; an owner whose records can be told apart by their data can notice a damaged type here. A text is reported
   * as `WAL_CORRUPT` at the record's offset. Called once for each record read, in order.
   */
  readonly check?: (record: WalRecord) => string | undefined;
  /** False: never wait for the disk. A power cut may then cost any acknowledged record, and leave damage. */
  readonly sync?: boolean;
  readonly clock: Clock;
  readonly logger?: Logger;
  /** How long one datasync took. */
  readonly fsyncSeconds?: Histogram;
  /** How long one write took. */
  readonly writeSeconds?: Histogram;
  /** Bytes of records written, framing included. */
  readonly writtenBytes?: Counter;
}

export const SEGMENT_BYTES: number = 64 * 1024 * 1024;
