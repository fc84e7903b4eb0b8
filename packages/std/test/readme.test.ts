import { readFileSync } from 'node:fs';
import { format } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import * as door from '../src/index.js';
import * as node from '../src/node.js';

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

  it('names everything the doors show', () => {
    for (const name of [...Object.keys(door), ...Object.keys(node)]) expect(readme).toContain(`\`${name}\``);
  });
});
