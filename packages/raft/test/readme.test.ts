import { readFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import type { RaftErrorCode } from '../src/index.js';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const code = readFileSync(new URL('./readme-quick-start.ts', import.meta.url), 'utf8');

describe('the README', () => {
  it('shows exactly the quick start that runs here', () => {
    const block = /```ts\n(import[\s\S]*?)```/.exec(readme)?.[1];
    expect(block).toBe(code);
  });

  it('and it does what it says', async () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    await import('./readme-quick-start.js');
    expect(log.mock.calls).toEqual([['hello world']]);
    log.mockRestore();
  });

  it('has a line for every error code', () => {
    const codes: Record<RaftErrorCode, true> = {
      NO_LEADER: true,
      LEADER_CHANGED: true,
      PROPOSAL_DROPPED: true,
      PROPOSAL_TIMED_OUT: true,
      TOO_MANY_WAITING: true,
      DUPLICATE_ID: true,
      STOPPED: true,
      CHANGE_PENDING: true,
      INVALID_CHANGE: true,
      INVALID_MESSAGE: true,
      INVALID_OPTIONS: true,
      LOG_LOST: true,
      UNKNOWN_MEMBERS: true,
      STORAGE_FAILED: true,
      APPLY_FAILED: true,
    };
    for (const each of Object.keys(codes)) expect(readme).toMatch(new RegExp(`\\n\\| \`${each}\` +\\|`));
  });
});
