#!/usr/bin/env node
// Does all the set-up a fresh clone needs, then the command that was asked for. Plain JavaScript and Node's own
// modules only: it runs before anything is installed.
//
//   node tools/setup/setup.mjs start|build|test|check|fix|generate|referee|bench|crash|cluster|nemesis|sim [-- arguments]
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const home = join(root, '.setup');
const pnpmVersion = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).packageManager.split('@')[1];

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  fail(`Kontiki needs Node 20.19 or newer; this is ${process.version}`);
}

const pnpmBin = join(home, 'node_modules', '.bin');
process.env.PATH = [pnpmBin, join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter);
process.env.TURBO_TELEMETRY_DISABLED = '1';
process.env.DO_NOT_TRACK = '1';

/** Each command: what must be built first, and what then runs. */
const commands = {
  start: { build: true, run: (args) => run('node', ['apps/server/dist/main.js', ...args]) },
  build: { build: true, run: () => 0 },
  test: { build: true, run: (args) => run('vitest', ['run', ...args]) },
  check: {
    build: true,
    run: () => run('biome', ['check', '.']) || run('tsc', ['-p', 'tsconfig.json']) || run('vitest', ['run']),
  },
  fix: { build: false, run: () => run('biome', ['check', '--write', '.']) },
  generate: { build: false, run: (args) => run('node', ['tools/generate/generate.mjs', ...args]) },
  referee: { build: true, run: (args) => run('tsx', source('tools/referee/src/main.ts', args)) },
  bench: { build: true, run: (args) => run('tsx', source('tools/bench/src/main.ts', args)) },
  crash: { build: true, run: (args) => run('tsx', source('tools/crash/src/main.ts', args)) },
  cluster: { build: true, run: (args) => run('tsx', source('tools/cluster/src/main.ts', ['start', ...args])) },
  nemesis: { build: true, run: (args) => run('tsx', source('tools/cluster/src/main.ts', ['nemesis', ...args])) },
  sim: { build: false, run: (args) => run('tsx', source('tools/sim/src/main.ts', args)) },
};

const [name, ...rest] = process.argv.slice(2);
const args = rest[0] === '--' ? rest.slice(1) : rest;
const command = commands[name];
if (command === undefined) fail(`unknown command ${name}; known: ${Object.keys(commands).join(', ')}`);

ensurePnpm();
ensureInstalled();
if (command.build) must('turbo', ['run', 'build', '--output-logs=errors-only']);
process.exit(command.run(args));

/** The pinned pnpm, fetched through npm into a folder of ours: nothing global is touched. */
function ensurePnpm() {
  const manifest = join(home, 'node_modules', 'pnpm', 'package.json');
  if (existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).version === pnpmVersion) return;
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, 'package.json'), '{ "private": true }\n');
  must('npm', ['install', '--prefix', home, '--no-audit', '--no-fund', '--loglevel=error', `pnpm@${pnpmVersion}`]);
}

/** Installs when the lockfile or a manifest changed since the last time. */
function ensureInstalled() {
  const stampFile = join(root, 'node_modules', '.kontiki-installed');
  const stamp = manifestsHash();
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return;
  must('pnpm', [
    'install',
    process.env.CI ? '--frozen-lockfile' : '--prefer-frozen-lockfile',
    '--reporter=append-only',
  ]);
  writeFileSync(stampFile, manifestsHash());
}

function manifestsHash() {
  const hash = createHash('sha256');
  const files = ['package.json', 'pnpm-workspace.yaml', 'pnpm-lock.yaml'];
  for (const folder of ['packages', 'apps', 'tools', 'examples']) {
    if (!existsSync(join(root, folder))) continue;
    for (const entry of readdirSync(join(root, folder)).sort()) files.push(join(folder, entry, 'package.json'));
  }
  for (const file of files) {
    if (existsSync(join(root, file))) hash.update(file).update(readFileSync(join(root, file)));
  }
  return hash.digest('hex');
}

/** Tools that run from TypeScript sources read the packages' sources too. */
function source(file, args) {
  return ['--conditions=@kontiki/source', file, ...args];
}

function run(program, args) {
  const done = spawnSync(program, args, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' });
  if (done.error) fail(`${program}: ${done.error.message}`);
  return done.status ?? 1;
}

function must(program, args) {
  const status = run(program, args);
  if (status !== 0) process.exit(status);
}

function fail(message) {
  console.error(`kontiki: ${message}`);
  process.exit(1);
}
