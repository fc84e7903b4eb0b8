import { cpSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SeededRandom } from '@kontiki/std';
import { describe, expect, it, type TestContext } from 'vitest';
import { findEtcd, findKontiki, type ServerKind } from '../../../harness/src/index.js';
import { Cluster, sleep } from '../../src/cluster.js';
import { Load } from '../../src/load/load.js';
import { NEMESES, type NemesisReport, type RunOptions, runNemesis } from '../../src/nemesis/run.js';
import { startingPoint, verify } from '../../src/verify.js';

// Repeatable as far as processes are; `npm run nemesis` draws new seeds.
const seed = Number(process.env['KONTIKI_SEED'] ?? 20_261_125);
// The five seconds members must have been connected before another may come are the servers' own affair.
const quickly = ['--strict-reconfig-check=false'];

function trouble(name: string, options: Partial<RunOptions>): Promise<NemesisReport> {
  const nemesis = NEMESES.find((one) => one.name === name)!;
  return runNemesis(nemesis, { kind: 'kontiki', seed, members: 3, rounds: 1, minutes: 0.25, ...options });
}

/** Skips, and says so, when there is no such server. */
function needs(kind: ServerKind, context: TestContext): void {
  const found = kind === 'kontiki' ? findKontiki() : findEtcd();
  if (found !== undefined) return;
  const why =
    kind === 'kontiki' ? 'the server is not built (npm run build)' : 'there is no etcd (tools/setup/install-etcd.sh)';
  console.log(`SKIPPED: ${why}`);
  context.skip(why);
}

function expectKept(report: NemesisReport): void {
  expect(report.violations, `seed ${seed}\n${report.lines.join('\n')}`).toEqual([]);
  expect(report.acknowledged).toBeGreaterThan(50);
}

describe('a cluster of real members keeps its promises', () => {
  it('while its leader is killed three times', async (context) => {
    needs('kontiki', context);
    expectKept(await trouble('leader-kills', { rounds: 3 }));
  });

  it('through fifteen seconds of chaos', async (context) => {
    needs('kontiki', context);
    expectKept(await trouble('chaos', {}));
  });

  it('while it grows from one to three and shrinks to one', async (context) => {
    needs('kontiki', context);
    expectKept(await trouble('resize', { flags: quickly }));
  });

  it('while a follower that fell behind the log catches up by snapshot', async (context) => {
    needs('kontiki', context);
    expectKept(await trouble('lagging', {}));
  });
});

describe('etcd', () => {
  it('passes too: the checks ask for nothing a right cluster does not keep', async (context) => {
    needs('etcd', context);
    expectKept(await trouble('leader-kills', { kind: 'etcd', rounds: 1 }));
  });
});

describe('a member that forgets what it did', () => {
  it('is found out', async (context) => {
    needs('kontiki', context);
    const cluster = await Cluster.start({ size: 1, kind: 'kontiki' });
    const load = new Load(cluster, new SeededRandom(seed), await startingPoint(cluster), { leases: false });
    try {
      const member = cluster.members[0]!;
      load.start();
      await sleep(500);
      await member.kill();
      const copy = join(cluster.directory, 'copy');
      cpSync(member.process.dataDirectory, copy, { recursive: true, filter: (path) => !statSync(path).isSocket() });
      cluster.restart(member);
      await member.process.ready();
      const before = load.record.count('acked');
      while (load.record.count('acked') < before + 30) await sleep(20);
      await member.kill();
      await load.pause();
      member.wipe();
      cpSync(copy, member.process.dataDirectory, { recursive: true });
      cluster.restart(member);
      const { violations } = await verify(cluster, load);
      expect(violations.map(({ rule }) => rule)).toContain('lost');
    } finally {
      await load.close();
      await cluster.dispose();
    }
  });
});

describe('a cluster in a directory', () => {
  it('starts again with what it had, on the same addresses', async (context) => {
    needs('kontiki', context);
    const directory = mkdtempSync(join(tmpdir(), 'kontiki-cluster-test-'));
    try {
      const first = await Cluster.start({ size: 2, kind: 'kontiki', directory });
      const endpoints = first.members.map(({ endpoint }) => endpoint);
      const [key, value] = [Buffer.from('k'), Buffer.from('v')];
      expect((await first.members[0]!.client.kv.put({ key, value })).ok).toBe(true);
      const pids = first.members.map(({ process }) => process.pid!);
      await Promise.all(first.members.map((member) => member.stop()));
      await first.dispose();
      for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow(/ESRCH/);
      const second = await Cluster.start({ size: 1, kind: 'kontiki', directory });
      expect(second.members.map(({ endpoint }) => endpoint)).toEqual(endpoints);
      const reply = await second.members[1]!.client.kv.range({ key });
      expect(reply.ok && Buffer.from(reply.response.kvs[0]!.value).toString()).toBe('v');
      await second.dispose();
      expect(existsSync(directory)).toBe(true);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
