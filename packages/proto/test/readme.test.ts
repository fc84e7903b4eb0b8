import { readFileSync } from 'node:fs';
import { format } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import * as proto from '../src/index.js';

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

  it('names every namespace', () => {
    const namespaces = Object.entries(proto).filter(([, value]) => typeof value === 'object');
    expect(namespaces.length).toBe(14);
    for (const [name] of namespaces) expect(readme).toMatch(new RegExp(`^\\|.*\`${name}\`.*\\|`, 'm'));
  });

  it('has a line for everything the reader throws', () => {
    const reader = readFileSync(new URL('../src/wire/reader.ts', import.meta.url), 'utf8');
    const utf8 = readFileSync(new URL('../src/wire/utf8.ts', import.meta.url), 'utf8');
    const texts = [...(reader + utf8).matchAll(/new (?:Range)?Error\([`'](.*?)(?:\$\{|[`'])/g)].map(
      ([, text = '']) => text,
    );
    expect(texts.length).toBe(11);
    const table = readme.slice(readme.indexOf('## Errors')).replaceAll(/\b(?:N|500)\b/g, '');
    for (const text of texts.filter((each) => !each.startsWith('groups nested'))) expect(table).toContain(text);
  });
});
