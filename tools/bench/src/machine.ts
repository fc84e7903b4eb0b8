import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statfsSync, statSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { findEtcd, findKontiki, repositoryRoot } from '../../harness/src/index.js';
import { h2loadVersion } from './h2load/h2load.js';

/** Where and with what figures were measured. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly node: string;
  /** The file system the servers' directories are on. */
  readonly fileSystem: string;
  /** Processes that wanted to run in the minute before; far from 0, the figures say little. */
  readonly loadBefore: number;
  readonly h2load: string;
  readonly etcd: string;
  /** The commit, and whether files differ from it; of another build than this repository's only that. */
  readonly kontiki: string;
}

export function describeMachine(etcd?: string): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    kernel: release(),
    node: process.version,
    fileSystem: fileSystemOf(tmpdir()),
    loadBefore: loadavg()[0]!,
    h2load: h2loadVersion() ?? 'missing',
    etcd: etcdVersion(etcd),
    kontiki: process.env['KONTIKI_SERVER'] ? 'of another build (KONTIKI_SERVER)' : commit(),
  };
}

/** What a bench cannot do without and this machine lacks, in words; empty when all is there. */
export function missing(kinds: readonly string[], etcd?: string): string[] {
  const lacks: string[] = [];
  if (process.platform !== 'linux') lacks.push('Linux: CPU and memory of the servers are read from /proc');
  if (h2loadVersion() === undefined) lacks.push('h2load: apt install nghttp2-client');
  if (kinds.includes('etcd') && findEtcd(etcd) === undefined) {
    lacks.push('etcd: run tools/setup/install-etcd.sh, or say where one is with --etcd PATH or KONTIKI_ETCD');
  }
  if (kinds.includes('kontiki') && findKontiki() === undefined) lacks.push('the built server: run npm run build');
  return lacks;
}

/** A folder for what must not touch the measured disk: in memory where the system offers that. */
export function openScratch(): string {
  const memory = '/dev/shm';
  const scratch = mkdtempSync(join(isFolder(memory) ? memory : tmpdir(), 'kontiki-bench-'));
  process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
  return scratch;
}

/** The type of the mount that holds a path, with a warning where nothing is ever written to a disk. */
function fileSystemOf(path: string): string {
  const mounts = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(
      ([, point]) => point !== undefined && (path === point || path.startsWith(point === '/' ? '/' : `${point}/`)),
    )
    .sort(([, a], [, b]) => b!.length - a!.length);
  const [device, , type] = mounts[0] ?? [];
  const gigabytes = Math.round((statfsSync(path).blocks * statfsSync(path).bsize) / 1e9);
  return `${type ?? 'unknown'} on ${device ?? 'unknown'}, ${gigabytes} GB${type === 'tmpfs' ? ' (memory: fsync costs nothing)' : ''}`;
}

function etcdVersion(given?: string): string {
  const etcd = findEtcd(given);
  if (etcd === undefined) return 'none';
  const { stdout } = spawnSync(etcd, ['--version'], { encoding: 'utf8' });
  return /etcd Version: (.+)/.exec(stdout)?.[1] ?? 'unknown';
}

function commit(): string {
  const git = (...args: string[]): string =>
    spawnSync('git', args, { cwd: repositoryRoot, encoding: 'utf8' }).stdout?.trim() ?? '';
  const head = git('rev-parse', '--short', 'HEAD');
  if (head === '') return 'no commit';
  const changed = git('status', '--porcelain', '--', 'packages', 'apps') !== '';
  return changed ? `${head} and changes` : head;
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
