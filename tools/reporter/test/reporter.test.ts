import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { startVitest } from 'vitest/node';
import ClosingLine from '../src/reporter.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kontiki-reporter-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** The last line a run over these test files prints. */
async function closingLine(files: Record<string, string>): Promise<string | undefined> {
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(directory, name), `const { describe, it, beforeAll } = globalThis;\n${text}`);
  }
  const lines: string[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
  const exitCode = process.exitCode;
  const vitest = await startVitest('test', [], {
    root: directory,
    config: false,
    globals: true,
    watch: false,
    reporters: [new ClosingLine()],
  });
  await vitest.close();
  log.mockRestore();
  process.exitCode = exitCode;
  return lines.at(-1);
}

const good = "it('a', () => {}); describe('s', () => { it('b', () => {}); });";

it('counts what passed, failed and was skipped', async () => {
  const mixed = "it('a', () => {}); it('b', () => { throw new Error('b'); }); it.skip('c', () => {}); it.todo('d');";
  expect(await closingLine({ 'mixed.test.js': mixed, 'good.test.js': good })).toBe('3 passed, 1 failed, 2 skipped');
});

it('says so shortly when all is well', async () => {
  expect(await closingLine({ 'good.test.js': good })).toBe('2 passed, 0 failed');
});

it('counts a file that does not load, and a hook that fails, as failures', async () => {
  const hook = "describe('s', () => { beforeAll(() => { throw new Error('hook'); }); it('a', () => {}); });";
  const broken = { 'hook.test.js': hook, 'broken.test.js': 'import "./nowhere.js";', 'good.test.js': good };
  expect(await closingLine(broken)).toBe('2 passed, 2 failed, 1 skipped');
});

it('counts an error nobody caught', async () => {
  const stray =
    "it('a', () => { setTimeout(() => { throw new Error('stray'); }); return new Promise((r) => setTimeout(r, 50)); });";
  expect(await closingLine({ 'stray.test.js': stray })).toBe('1 passed, 1 failed');
});
