#!/usr/bin/env node
// Generates packages/proto/src/gen from packages/proto/proto.
//
//   node tools/generate/generate.mjs [--check] [--out <folder>]
//
// --check writes nothing and fails when the folder holds anything else than what would be generated.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { fit } from './fit.mjs';

const proto = fileURLToPath(new URL('../../packages/proto', import.meta.url));
const { values } = parseArgs({ options: { check: { type: 'boolean' }, out: { type: 'string' } } });
const out = values.out ?? join(proto, 'src', 'gen');

const generated = generate();
if (values.check) {
  const differing = differences(generated, out);
  if (differing.length > 0) {
    console.error(`not what the .proto files say: ${differing.join(', ')}\nrun: npm run generate`);
    process.exit(1);
  }
} else {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  for (const [file, text] of generated) writeFileSync(join(out, file), text);
}
console.log(`${generated.size} files ${values.check ? 'are up to date' : 'generated'}`);

/** @returns {Map<string, string>} name in src/gen -> text */
function generate() {
  const folder = mkdtempSync(join(tmpdir(), 'kontiki-generate-'));
  try {
    // The plugin is found on the PATH, as buf expects; both are this package's own dependencies.
    const bin = join(proto, 'node_modules', '.bin');
    const done = spawnSync('buf', ['generate', '--output', folder], {
      cwd: proto,
      encoding: 'utf8',
      env: { ...process.env, PATH: [bin, process.env.PATH].join(delimiter), BUF_CACHE_DIR: join(folder, '.cache') },
      shell: process.platform === 'win32',
    });
    if (done.error || done.status !== 0) {
      console.error(`buf generate failed: ${done.error?.message ?? done.stderr}`);
      process.exit(1);
    }
    const files = readdirSync(folder).filter((file) => file.endsWith('.ts'));
    return new Map(files.sort().map((file) => [file, fit(file, readFileSync(join(folder, file), 'utf8'))]));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function differences(generated, folder) {
  const present = existsSync(folder) ? readdirSync(folder) : [];
  const names = new Set([...generated.keys(), ...present]);
  return [...names].filter((name) => {
    const file = join(folder, name);
    return !generated.has(name) || !existsSync(file) || readFileSync(file, 'utf8') !== generated.get(name);
  });
}
