import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { format } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import type { MvccErrorCode } from '../src/index.js';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const block = (language: string): string => new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(readme)![1]!;

describe('the README', () => {
  it('shows exactly the quick start that runs here', () => {
    expect(block('ts')).toBe(readFileSync(new URL('readme-quick-start.ts', import.meta.url), 'utf8'));
  });

  it('and it prints what the README says', async () => {
    const home = process.cwd();
    const directory = mkdtempSync(join(tmpdir(), 'kontiki-readme-'));
    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    process.chdir(directory);
    try {
      await import('./readme-quick-start.js');
      expect(log.mock.calls.map((line) => `${format(...line)}\n`).join('')).toBe(block('text'));
    } finally {
      process.chdir(home);
      log.mockRestore();
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it('has a line for every error code', () => {
    const codes: Record<MvccErrorCode, true> = {
      COMPACTED: true,
      FUTURE_REVISION: true,
      KEY_NOT_FOUND: true,
      LEASE_NOT_FOUND: true,
      EMPTY_RANGE: true,
      STALE: true,
      CORRUPT: true,
      POISONED: true,
      CLOSED: true,
    };
    const documented = [...readme.matchAll(/\n\| `([A-Z_]+)` +\|/g)].map(([, code]) => code);
    expect(documented.toSorted()).toEqual(Object.keys(codes).toSorted());
  });
});
