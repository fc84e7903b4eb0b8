import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';

let checkout: string;

beforeEach(() => {
  checkout = mkdtempSync(join(tmpdir(), 'kontiki-bin-'));
  mkdirSync(join(checkout, 'bin'));
  writeFileSync(join(checkout, 'package.json'), '{"type":"module"}');
  copyFileSync(fileURLToPath(new URL('../../../../bin/kontikid', import.meta.url)), join(checkout, 'bin/kontikid'));
});
afterEach(() => rmSync(checkout, { recursive: true }));

it('says how to build what is not built', () => {
  const { status, stderr, stdout } = spawnSync(join(checkout, 'bin/kontikid'), ['--version'], { encoding: 'utf8' });
  expect([status, stdout]).toEqual([1, '']);
  expect(stderr).toBe('kontikid: not built yet. Run `npm run build` in the checkout first.\n');
});

it('runs what is built, through a link too, and passes arguments and exit code on', () => {
  mkdirSync(join(checkout, 'apps/server/dist'), { recursive: true });
  const main = 'console.log(JSON.stringify(process.argv.slice(2))); process.exitCode = 3;';
  writeFileSync(join(checkout, 'apps/server/dist/main.js'), main);
  symlinkSync(join(checkout, 'bin/kontikid'), join(checkout, 'linked'));
  const { status, stdout } = spawnSync(join(checkout, 'linked'), ['--name', 'a b'], { encoding: 'utf8' });
  expect([status, stdout]).toEqual([3, '["--name","a b"]\n']);
});
