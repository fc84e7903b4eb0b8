import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** How often a second an append of 4 KiB can be made durable on the disk the servers use, one after another. */
export function fsyncsPerSecond(measureMs = 1_000): number {
  const folder = mkdtempSync(join(tmpdir(), 'kontiki-fsync-'));
  const file = openSync(join(folder, 'file'), 'w');
  const block = new Uint8Array(4_096).fill(1);
  try {
    const startedAt = performance.now();
    let count = 0;
    while (performance.now() - startedAt < measureMs) {
      writeSync(file, block);
      fdatasyncSync(file);
      count += 1;
    }
    return (count / (performance.now() - startedAt)) * 1_000;
  } finally {
    closeSync(file);
    rmSync(folder, { recursive: true });
  }
}
