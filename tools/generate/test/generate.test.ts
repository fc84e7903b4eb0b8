import { spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';

const program = fileURLToPath(new URL('../generate.mjs', import.meta.url));
const committed = fileURLToPath(new URL('../../../packages/proto/src/gen', import.meta.url));
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kontiki-generate-test-'));
  cpSync(committed, folder, { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function generate(...args: string[]): { status: number | null; text: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' });
  return { status, text: stdout + stderr };
}

it('finds the committed code up to date', () => {
  expect(generate('--check')).toEqual({ status: 0, text: '13 files are up to date\n' });
});

it('sees what was changed, added or taken away, and says how to mend it', () => {
  appendFileSync(join(folder, 'kv.ts'), '// by hand\n');
  writeFileSync(join(folder, 'extra.ts'), '');
  rmSync(join(folder, 'wal.ts'));
  expect(generate('--check', '--out', folder)).toEqual({
    status: 1,
    text: 'not what the .proto files say: kv.ts, wal.ts, extra.ts\nrun: npm run generate\n',
  });
});

it('writes what it would check', () => {
  writeFileSync(join(folder, 'extra.ts'), '');
  rmSync(join(folder, 'wal.ts'));
  expect(generate('--out', folder)).toEqual({ status: 0, text: '13 files generated\n' });
  expect(readdirSync(folder)).toEqual(readdirSync(committed));
  for (const file of readdirSync(committed)) {
    expect(readFileSync(join(folder, file), 'utf8'), file).toBe(readFileSync(join(committed, file), 'utf8'));
  }
});
