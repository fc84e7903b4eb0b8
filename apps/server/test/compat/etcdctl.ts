import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { findEtcd, findEtcdctl } from '../../../../tools/harness/src/index.js';

/** What etcd's own tools print, run unmodified, and what of it may differ between two servers. */

const etcd: string | undefined = findEtcd();
const etcdctl: string | undefined = findEtcdctl(etcd);
const etcdutl: string | undefined = etcd === undefined ? undefined : besides(etcd, 'etcdutl');

/** No etcd or no etcdctl here: what needs them is skipped. */
export const missing: boolean = etcd === undefined || etcdctl === undefined;
/** The same for what needs etcdutl, too. */
export const missingUtl: boolean = missing || etcdutl === undefined;

/** Says why tests are skipped. */
export function warnIfMissing(isMissing: boolean): void {
  if (isMissing) console.warn('skipped: no etcd and its tools here (tools/setup/install-etcd.sh brings them)');
}

export interface Printed {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
}

export interface RunOptions {
  readonly stdin?: string;
  /** Interrupts the command once its output holds this. */
  readonly until?: string;
  /** Runs while the command waits, 500 ms after it began. */
  readonly meanwhile?: () => Promise<unknown>;
}

/** @param endpoints `host:port`, one or several */
export function runEtcdctl(
  endpoints: string | readonly string[],
  args: readonly string[],
  options: RunOptions = {},
): Promise<Printed> {
  return run(etcdctl!, [`--endpoints=${[endpoints].flat().join(',')}`, ...args], options);
}

export function runEtcdutl(args: readonly string[]): Promise<Printed> {
  return run(etcdutl!, args, {});
}

async function run(program: string, args: readonly string[], options: RunOptions): Promise<Printed> {
  const child = spawn(program, args, {
    env: { PATH: process.env['PATH'], ETCDCTL_API: '3' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  const interruptWhenSeen = (): void => {
    if (options.until !== undefined && stdout.includes(options.until)) child.kill('SIGINT');
  };
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
    interruptWhenSeen();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  // A command that reads nothing may be gone before it was told that there is nothing to read.
  child.stdin.on('error', () => {});
  child.stdin.end(options.stdin ?? '');
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  if (options.meanwhile !== undefined) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    await options.meanwhile();
  }
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
  const code = await exited;
  clearTimeout(timer);
  return { stdout, stderr, code };
}

/**
 * What may differ between two servers, out: ids, times, ports.
 * @param names what has a name in both: addresses, ids
 */
export function normal(names: ReadonlyMap<string, string>, { stdout, stderr, code }: Printed): Printed {
  const clean = (text: string): string => {
    let named = text;
    for (const [value, name] of names) named = named.replaceAll(value, name);
    return named
      .replace(/\{"level":"(\w+)","ts":"[^"]*","logger":"[^"]*","caller":"[^"]*",/g, '{"level":"$1",')
      .replace(/etcd-endpoints:\/\/0x[0-9a-f]+/g, 'etcd-endpoints://<pointer>')
      .replace(/LocalAddr: '[^']*'/g, "LocalAddr: '<address>'")
      .replace(/"target":"endpoint:\/\/client-[^"]*"/g, '"target":"<target>"')
      .replace(/\b[0-9a-f]{14,16}\b/g, '<id>')
      .replace(/\b\d{14,20}\b/g, '<id>')
      .replace(/\d+(\.\d+)?(µs|ms|s)\b(?!\))/g, '<time>')
      .replace(/remaining\(\d+s\)/g, 'remaining(<time>)');
  };
  return { stdout: clean(stdout), stderr: clean(stderr), code };
}

function besides(program: string, name: string): string | undefined {
  const path = join(program, '..', name);
  try {
    accessSync(path, constants.X_OK);
    return path;
  } catch {
    return undefined;
  }
}
