import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { percentile } from '../spread.js';
import type { Limit } from './limit.js';

const RECORD_BYTES = 4_096;
const FILE_BYTES = 64 * 1024 * 1024;

/**
 * How often a second a log of one writer can be made durable: a page appended to a file whose room is allocated
 * before, `fdatasync`, the next. Where the servers keep their directories.
 */
export function fsyncLimit(seconds: number): Limit {
  const folder = mkdtempSync(join(tmpdir(), 'kontiki-bench-fsync-'));
  try {
    const file = openSync(join(folder, 'log'), 'w');
    const room = new Uint8Array(1024 * 1024);
    for (let at = 0; at < FILE_BYTES; at += room.length) writeSync(file, room, 0, room.length, at);
    fdatasyncSync(file);
    const record = new Uint8Array(RECORD_BYTES).fill(0x5a);
    const took: number[] = [];
    const startedAt = performance.now();
    let now = startedAt;
    for (let at = 0; now - startedAt < seconds * 1e3; at = (at + RECORD_BYTES) % FILE_BYTES) {
      writeSync(file, record, 0, record.length, at);
      fdatasyncSync(file);
      const before = now;
      now = performance.now();
      took.push(now - before);
    }
    closeSync(file);
    took.sort((a, b) => a - b);
    return {
      name: 'write 4 KiB and fdatasync, one after another',
      perSecond: took.length / ((now - startedAt) / 1e3),
      p50Ms: percentile(took, 0.5),
      p99Ms: percentile(took, 0.99),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
