import type { Clock, FileSystem } from '@kontiki/std';
import { type OpenOptions, Wal, type WalRecord } from '../src/index.js';

/** Time does not matter to a log, except to its histograms. */
export const stoppedClock: Clock = {
  now: () => 0,
  monotonic: () => 0,
  after: () => ({ cancel: () => {} }),
  every: () => ({ cancel: () => {} }),
};

export const DIRECTORY = '/data/wal';

export function text(record: WalRecord): string {
  return `${record.type}:${Buffer.from(record.data).toString('latin1')}`;
}

export function record(type: number, data: string | Uint8Array): WalRecord {
  return { type, data: typeof data === 'string' ? Buffer.from(data, 'latin1') : data };
}

export function options(fileSystem: FileSystem, more: Partial<OpenOptions> = {}): OpenOptions {
  return { fileSystem, directory: DIRECTORY, clock: stoppedClock, head: () => [], ...more };
}

export async function collect(records: AsyncIterable<WalRecord>): Promise<WalRecord[]> {
  const all: WalRecord[] = [];
  for await (const one of records) all.push(one);
  return all;
}

/** What an open log has to say, and how it was repaired. */
export async function readAll(
  fileSystem: FileSystem,
  more: Partial<OpenOptions> = {},
): Promise<{ texts: string[]; repaired: boolean; wal: Wal }> {
  const { wal, records, repaired } = await Wal.open(options(fileSystem, more));
  return { texts: (await collect(records)).map(text), repaired: repaired !== undefined, wal };
}
