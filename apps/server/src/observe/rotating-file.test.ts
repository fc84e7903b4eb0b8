import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LogRotationOptions } from '../config/options.js';
import { RotatingFile } from './rotating-file.js';

const BASE: LogRotationOptions = { maxMegabytes: 1, maxAgeDays: 0, maxBackups: 0, localTime: false, compress: false };
const START = Date.UTC(2026, 10, 24, 23, 31, 1);
const DAY = 86_400_000;
const CHUNK = Buffer.from(`${'x'.repeat(300_000)}\n`);

let directory: string;
let now: number;
let troubles: unknown[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kontiki-log-'));
  now = START;
  troubles = [];
});
afterEach(() => rmSync(directory, { recursive: true }));

function open(options: Partial<LogRotationOptions> = {}, name = 'kontiki.log'): RotatingFile {
  return new RotatingFile(
    join(directory, name),
    { ...BASE, ...options },
    (error) => troubles.push(error),
    () => now,
  );
}

const names = (): readonly string[] => readdirSync(directory).sort();

describe('a rotating log file', () => {
  it('is put aside before it outgrows its limit, no byte lost', async () => {
    const file = open();
    for (let i = 0; i < 10; i++) await file.append(CHUNK);
    await file.close();
    // The same millisecond three times: every backup still has a name of its own.
    expect(names()).toEqual([
      'kontiki-2026-11-24T23-31-01.000.log',
      'kontiki-2026-11-24T23-31-01.001.log',
      'kontiki-2026-11-24T23-31-01.002.log',
      'kontiki.log',
    ]);
    const sizes = names().map((name) => statSync(join(directory, name)).size);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1024 * 1024);
    expect(sizes.reduce((sum, size) => sum + size)).toBe(10 * CHUNK.length);
    expect(statSync(join(directory, 'kontiki.log')).mode & 0o777).toBe(0o600);
    expect(troubles).toEqual([]);
  });

  it('goes on where an earlier process stopped', async () => {
    writeFileSync(join(directory, 'kontiki.log'), Buffer.alloc(1024 * 1024 - 5));
    const file = open();
    await file.append(Buffer.from('four'));
    await file.append(Buffer.from('more'));
    await file.close();
    expect(readFileSync(join(directory, 'kontiki.log'), 'utf8')).toBe('more');
  });

  it('keeps the newest backups, as many as it is told', async () => {
    const file = open({ maxBackups: 2 });
    for (let i = 0; i < 13; i++) await file.append(CHUNK);
    await file.close();
    expect(names()).toEqual([
      'kontiki-2026-11-24T23-31-01.002.log',
      'kontiki-2026-11-24T23-31-01.003.log',
      'kontiki.log',
    ]);
  });

  it('keeps nothing older than so many days', async () => {
    const strangers = ['kontiki-x.log', 'kontiki-2020-01-01T00-00-00.000.txt', 'other-2020-01-01T00-00-00.000.log'];
    for (const name of strangers) writeFileSync(join(directory, name), '');
    writeFileSync(join(directory, 'kontiki-2020-01-01T00-00-00.000.log.gz'), '');
    const file = open({ maxBackups: 2, maxAgeDays: 3 });
    for (let day = 0; day < 5; day++) {
      for (let i = 0; i < 3; i++) await file.append(CHUNK);
      now += 2 * DAY;
    }
    await file.close();
    expect(names().filter((name) => !strangers.includes(name))).toEqual([
      'kontiki-2026-11-30T23-31-01.000.log',
      'kontiki-2026-12-02T23-31-01.000.log',
      'kontiki.log',
    ]);
    expect(names()).toEqual(expect.arrayContaining(strangers));
  });

  it('compresses what it put aside', async () => {
    const file = open({ compress: true });
    for (let i = 0; i < 7; i++) await file.append(CHUNK);
    await file.close();
    expect(names()).toEqual([
      'kontiki-2026-11-24T23-31-01.000.log.gz',
      'kontiki-2026-11-24T23-31-01.001.log.gz',
      'kontiki.log',
    ]);
    const inside = gunzipSync(readFileSync(join(directory, names()[0]!)));
    expect(inside.length).toBe(3 * CHUNK.length);
  });

  it('goes on in the same file when it cannot be put aside, and says so once', async () => {
    const file = open();
    for (let i = 0; i < 3; i++) await file.append(CHUNK);
    rmSync(join(directory, 'kontiki.log'));
    for (let i = 0; i < 3; i++) await file.append(CHUNK);
    await file.close();
    expect(troubles).toHaveLength(1);
    expect(troubles[0]).toMatchObject({ code: 'ENOENT' });
  });
});
