import { cpSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findEtcd, findKontiki } from '../../../harness/src/index.js';
import { crashRun } from '../../src/driver/run.js';

const rounds = 5;

describe('killed under load and started again, five times', () => {
  it('Kontiki keeps what it promised', async (context) => {
    if (findKontiki() === undefined) {
      console.log('SKIPPED: the server is not built (npm run build)');
      context.skip('the server is not built');
      return;
    }
    // Repeatable as far as processes are; `npm run crash` draws new seeds.
    const seed = Number(process.env['KONTIKI_SEED'] ?? 20_261_125);
    const { violations, acked, crashes } = await crashRun({ rounds, seed, against: 'kontiki' });
    expect(violations, `seed ${seed}`).toEqual([]);
    expect(crashes).toBeGreaterThanOrEqual(rounds);
    expect(acked).toBeGreaterThanOrEqual(rounds * 10);
  });

  it('so does etcd: the checker asks for nothing a right server does not keep', async (context) => {
    if (findEtcd() === undefined) {
      console.log('SKIPPED: there is no etcd (tools/setup/install-etcd.sh brings one)');
      context.skip('there is no etcd');
      return;
    }
    const { violations } = await crashRun({ rounds: 2, seed: 1, against: 'etcd' });
    expect(violations).toEqual([]);
  });

  it('a server that forgets what it did since the last crash is found out', async (context) => {
    const against = findKontiki() !== undefined ? 'kontiki' : 'etcd';
    if (against === 'etcd' && findEtcd() === undefined) {
      context.skip('there is no server');
      return;
    }
    const { violations } = await crashRun({
      rounds: 3,
      seed: 2,
      against,
      compact: false,
      tamper: (server, round) => {
        const copy = join(server.directory, 'copy');
        if (round === 1)
          cpSync(server.dataDirectory, copy, { recursive: true, filter: (path) => !statSync(path).isSocket() });
        if (round !== 2) return;
        rmSync(server.dataDirectory, { recursive: true });
        cpSync(copy, server.dataDirectory, { recursive: true });
      },
    });
    const rules = new Set(violations.map(({ rule }) => rule));
    expect(rules).toContain('revision fell');
    expect(rules).toContain('lost');
  });
});
