import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseSegment } from '@kontiki/wal';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { run } from '../src/main.js';

let folder: string;
let child: ChildProcess | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'durable-raft-'));
});

afterEach(() => {
  child?.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

it('keeps everything, drops the log behind a snapshot, and brings a member back that needs what was dropped', async () => {
  const lines: string[] = [];
  await run(folder, (line) => lines.push(line));
  expect(lines).toEqual([
    'found 0 words',
    'without the third: 201 words',
    'the third is back: 201 words, 1 snapshot',
    'all of them started again: 201, 201, 201 words',
  ]);
  for (const id of [1, 2]) {
    const numbers = readdirSync(join(folder, `member-${id}`, 'log')).map((name) => parseSegment(name)?.sequence);
    // Members number their files from 0.
    expect(Math.min(...numbers.map(Number)), `member ${id} has dropped files`).toBeGreaterThan(0);
  }
  lines.length = 0;
  await run(folder, (line) => lines.push(line));
  expect(lines[0]).toBe('found 201 words');
});

/** Starts the example as a process of its own, lets it acknowledge so many more words, and kills it. */
async function killedAfter(more: number): Promise<{ found: number; acknowledged: number }> {
  const main = new URL('../src/main.ts', import.meta.url).pathname;
  const started = spawn(process.execPath, ['--import', 'tsx', '--conditions=@kontiki/source', main, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child = started;
  const exited = once(started, 'exit');
  let found = -1;
  let acknowledged = 0;
  for await (const line of createInterface(started.stdout)) {
    const [what, count] = line.split(' ');
    if (what === 'found') acknowledged = found = Number(count);
    else acknowledged = Number(count);
    if (acknowledged - found >= more) started.kill('SIGKILL');
  }
  await exited;
  return { found, acknowledged };
}

it('has every acknowledged word after it was killed', async () => {
  let before = { found: 0, acknowledged: 0 };
  for (const more of [1, 70, 130]) {
    const now = await killedAfter(more);
    expect(now.found).toBeGreaterThanOrEqual(before.acknowledged);
    expect(now.found).toBeLessThanOrEqual(before.acknowledged + 1);
    before = now;
  }
  expect(before.found).toBeGreaterThan(70);
});
