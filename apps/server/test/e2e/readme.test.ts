import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findEtcdctl, freePorts, repositoryRoot } from '../../../../tools/harness/src/index.js';

/** The README's quick start, line by line, with other ports and a folder of its own. */
const etcdctl = findEtcdctl();
if (etcdctl === undefined) console.warn('skipped: no etcdctl here (tools/setup/install-etcd.sh brings one)');

function quickStart(): string[] {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const block = /## Quick start\n\n```sh\n([\s\S]*?)```/.exec(readme)![1]!;
  return block.replaceAll('\\\n', '').trim().split('\n');
}

describe.skipIf(etcdctl === undefined)('the quick start of the README', () => {
  it('does what it says', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'kontiki-readme-'));
    const [client, peer] = await freePorts(2);
    const path = [dirname(etcdctl!), join(repositoryRoot, 'bin'), process.env['PATH']].join(delimiter);
    const shell = (line: string): ChildProcess =>
      spawn('sh', ['-c', `exec ${line.replaceAll(':2379', `:${client}`)}`], {
        cwd: folder,
        env: {
          PATH: path,
          ETCDCTL_ENDPOINTS: `127.0.0.1:${client}`,
          ETCD_LISTEN_PEER_URLS: `http://127.0.0.1:${peer}`,
        },
        stdio: ['ignore', 'pipe', 'ignore'],
      });
    const [start, ...rest] = quickStart();
    const server = shell(start!.replace(/ &$/, ''));
    try {
      const printed: string[] = [];
      await expect
        .poll(async () => (await fetch(`http://127.0.0.1:${client}/readyz`).catch(() => undefined))?.status, {
          timeout: 30_000,
        })
        .toBe(200);
      for (const line of rest) {
        const child = shell(line);
        let output = '';
        await new Promise<void>((resolve) => {
          child.stdout!.on('data', (chunk: Buffer) => {
            output += chunk.toString();
            // A watch goes on until it is told to stop.
            if (line.includes(' watch ') && output.includes('hello')) child.kill('SIGINT');
          });
          child.once('close', () => resolve());
        });
        printed.push(output);
      }
      expect(printed).toEqual(['OK\n', 'greeting\nhello\n', 'PUT\ngreeting\nhello\n', 'ok\n']);
    } finally {
      server.kill('SIGTERM');
      await new Promise((resolve) => server.once('exit', resolve));
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
