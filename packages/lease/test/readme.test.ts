import { readFileSync } from 'node:fs';
import { format } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import type { LeaseErrorCode } from '../src/index.js';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const block = (language: string): string => new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(readme)![1]!;

describe('the README', () => {
  it('shows exactly the quick start that runs here', () => {
    expect(block('ts')).toBe(readFileSync(new URL('readme-quick-start.ts', import.meta.url), 'utf8'));
  });

  it('and it prints what the README says', async () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    await import('./readme-quick-start.js');
    expect(log.mock.calls.map((line) => `${format(...line)}\n`).join('')).toBe(block('text'));
    log.mockRestore();
  });

  it('has a line for every error code', () => {
    const codes: Record<LeaseErrorCode, true> = {
      INVALID_ID: true,
      EXISTS: true,
      TTL_TOO_LARGE: true,
      NOT_FOUND: true,
      NOT_PRIMARY: true,
      EXPIRED: true,
    };
    for (const each of Object.keys(codes)) expect(readme).toMatch(new RegExp(`\\n\\| \`${each}\` +\\|`));
  });
});
