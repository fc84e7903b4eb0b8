import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { programOf, type ServerKind } from '../../../../tools/harness/src/index.js';
import { missing, type Printed, warnIfMissing } from './etcdctl.js';
import { exact, TestCluster, unordered } from './test-cluster.js';
import { ended, until, wait } from './waiting.js';

/**
 * The unmodified etcdctl plays the same steps against three members of a real etcd and three of Kontiki: what it
 * prints, and how it exits, must be the same, but for ids, times, sizes and ports. The steps build on each other.
 */
warnIfMissing(missing);

/** A member must have been connected that long before etcd 3.5 counts on it. */
const HEALTHY_MS = 5_500;

describe.skipIf(missing)('etcdctl prints against three Kontiki members what it prints against three of etcd', () => {
  const clusters = {} as Record<ServerKind, TestCluster>;
  let foundMs = 0;

  beforeAll(async () => {
    [clusters.etcd, clusters.kontiki] = await Promise.all([
      TestCluster.found({ kinds: ['etcd', 'etcd', 'etcd'] }),
      TestCluster.found({ kinds: ['kontiki', 'kontiki', 'kontiki'] }),
    ]);
    foundMs = performance.now();
    await Promise.all(Object.values(clusters).map((cluster) => cluster.lead('m1')));
  });

  afterAll(async () => {
    await Promise.all(Object.values(clusters).map((cluster) => cluster?.dispose()));
  });

  type Play = (cluster: TestCluster) => Promise<Printed | readonly Printed[]>;

  /** Plays it against both. @returns what Kontiki came to */
  const same = async (play: Play): Promise<readonly Printed[]> => {
    const [wanted, got] = await Promise.all(
      [clusters.etcd, clusters.kontiki].map(async (cluster) =>
        [await play(cluster)].flat().map((printed) => cluster.normal(printed)),
      ),
    );
    expect(got).toEqual(wanted);
    return got!;
  };

  const alike = (name: string, play: Play, more?: (printed: readonly Printed[]) => void): void => {
    it(name, async () => {
      const printed = await same(play);
      more?.(printed);
    });
  };

  const failed = (printed: readonly Printed[]): void => {
    for (const { code } of printed) expect(code).not.toBe(0);
  };
  const succeeded = (printed: readonly Printed[]): void => {
    for (const one of printed) expect(one).toMatchObject({ code: 0 });
  };

  describe('who is there', () => {
    for (const form of ['simple', 'table']) {
      alike(
        `member list -w ${form}`,
        async (c) => unordered(await c.ctl('m2', 'member', 'list', '-w', form)),
        ([printed]) => {
          expect(printed?.stdout).toContain('<m3>');
        },
      );
    }
    alike('member list -w json', async (c) => members(await c.ctl('m2', 'member', 'list', '-w', 'json')), succeeded);
    alike(
      'member list -w fields',
      async (c) => unordered(await c.ctl('m1', 'member', 'list', '-w', 'fields')),
      succeeded,
    );
    alike('endpoint health --cluster', async (c) => unordered(await c.ctl('m1', 'endpoint', 'health', '--cluster')));
    alike('endpoint status --cluster -w json', async (c) =>
      statuses(await c.ctl('m2', 'endpoint', 'status', '--cluster', '-w', 'json')),
    );
    alike('endpoint status --cluster -w table: the same columns', async (c) => {
      const printed = await c.ctl('m2', 'endpoint', 'status', '--cluster', '-w', 'table');
      return { ...printed, stdout: printed.stdout.split('\n').slice(0, 3).join('\n') };
    });
    alike('endpoint status with a member that does not exist', async (c) => {
      const printed = await c.ctlWith(
        ['m1'],
        ['--endpoints=127.0.0.1:1', '--command-timeout=1s', 'endpoint', 'status'],
      );
      return { ...withoutWarnings(printed), stdout: printed.stdout.replace(/, 3\..*/, '') };
    });
    alike('alarm list', (c) => c.ctl('m3', 'alarm', 'list'));
    alike('alarm disarm', (c) => c.ctl('m3', 'alarm', 'disarm'));
  });

  describe('keys and leases, whoever is asked', () => {
    alike(
      'a history leaves the same hash on every member of both',
      async (c) => {
        await c.ctl('m1', 'put', 'a', '1');
        await c.ctl('m2', 'put', 'b', '2');
        await c.ctl('m3', 'del', 'a');
        await c.ctl('m3', 'put', 'a', '3');
        await c.ctl('m2', 'compaction', '3');
        await c.ctl('m2', 'put', 'c', '4');
        // So that everybody has all of it.
        for (const name of ['m1', 'm2', 'm3']) await c.ctl(name, 'get', 'a');
        return unordered(await c.ctl('m1', 'endpoint', 'hashkv', '--cluster'));
      },
      ([printed]) => {
        expect(
          new Set(
            printed?.stdout
              .trim()
              .split('\n')
              .map((line) => line.split(', ')[1]),
          ).size,
        ).toBe(1);
      },
    );
    alike(
      'get --consistency=s from a follower',
      (c) => c.ctl('m3', 'get', 'a', '--consistency=s', '-w', 'json'),
      succeeded,
    );
    alike('get from a follower', (c) => c.ctl('m2', 'get', '', '--prefix', '-w', 'json'), succeeded);
    alike('txn through a follower', (c) =>
      c.ctlWith(['m3'], ['txn'], { stdin: 'value("a") = "3"\n\nput t yes\nget a\n\nput t no\n\n' }),
    );
    alike('watch at a follower what is written through another', (c) =>
      c.ctlWith(['m2'], ['watch', 'w'], { until: 'end\n', meanwhile: () => c.ctl('m3', 'put', 'w', 'end') }),
    );
    alike('lease: grant, attach, keep-alive, timetolive, revoke, each through another member', async (c) => {
      const granted = await c.ctl('m2', 'lease', 'grant', '300');
      const id = /lease ([0-9a-f]+) granted/.exec(granted.stdout)![1]!;
      return [
        granted,
        await c.ctl('m3', 'put', 'leased', 'v', `--lease=${id}`),
        await c.ctl('m3', 'lease', 'keep-alive', '--once', id),
        await c.ctl('m2', 'lease', 'timetolive', id, '--keys'),
        await c.ctl('m1', 'lease', 'timetolive', id),
        await c.ctl('m3', 'lease', 'list'),
        await c.ctl('m3', 'lease', 'revoke', id),
        await c.ctl('m2', 'get', 'leased'),
        await c.ctl('m2', 'lease', 'timetolive', id),
        await c.ctl('m3', 'lease', 'keep-alive', '--once', id),
        await c.ctl('m2', 'lease', 'revoke', id),
      ];
    });
    alike('lease of another member: a key goes when it expires', async (c) => {
      const id = /lease ([0-9a-f]+) granted/.exec((await c.ctl('m3', 'lease', 'grant', '2')).stdout)![1]!;
      const put = await c.ctl('m2', 'put', 'gone', 'soon', `--lease=${id}`, '-w', 'json');
      const { header } = JSON.parse(exact(put.stdout)) as { header: { revision: number } };
      return c.ctlWith(['m2'], ['watch', 'gone', `--rev=${header.revision}`], { until: 'DELETE\ngone\n\n' });
    });
    alike('defrag --cluster', async (c) => unordered(await c.ctl('m1', 'defrag', '--cluster')), succeeded);
  });

  describe('moving the leader', () => {
    alike('asked of a follower alone', (c) => c.ctl('m2', 'move-leader', c.id('m2')), failed);
    alike('to a member that is not there', (c) => c.ctl('m1', 'move-leader', '1234'), failed);
    alike('to what is no id', (c) => c.ctl('m1', 'move-leader', 'nobody'), failed);
    alike('to the leader itself', (c) => c.ctl('m1', 'move-leader', c.id('m1')), succeeded);
    alike('to a follower, found among all endpoints', (c) => c.ctlWith([], ['move-leader', c.id('m3')]), succeeded);
    alike('and back', async (c) => {
      expect(await c.leader('m2')).toBe('m3');
      const printed = await c.ctl('m3', 'move-leader', c.id('m1'));
      expect(await c.leader('m2')).toBe('m1');
      return printed;
    });
  });

  describe('what cannot be changed', () => {
    beforeAll(() => wait(foundMs + HEALTHY_MS - performance.now()));

    alike('add without URLs', (c) => c.ctl('m1', 'member', 'add', 'm9'), failed);
    alike(
      'add at bad URLs',
      async (c) => [
        await c.ctl('m1', 'member', 'add', 'm9', '--peer-urls=http://127.0.0.1'),
        await c.ctl('m1', 'member', 'add', 'm9', '--peer-urls=127.0.0.1:1'),
        await c.ctl('m1', 'member', 'add', 'm9', '--peer-urls=ftp://127.0.0.1:1'),
        await c.ctl('m1', 'member', 'add', 'm9', '--peer-urls=http://127.0.0.1:1/path'),
        await c.ctl('m1', 'member', 'add', 'm9', '--peer-urls=:'),
      ],
      failed,
    );
    alike(
      "add at another member's URL",
      (c) => c.ctl('m2', 'member', 'add', 'm9', `--peer-urls=${c.server('m1').peerUrl}`),
      failed,
    );
    alike(
      "add at one URL of one's own and another's",
      (c) => c.ctl('m2', 'member', 'add', 'm9', `--peer-urls=http://127.0.0.1:1,${c.server('m1').peerUrl}`),
      failed,
    );
    alike('remove nobody', (c) => c.ctl('m1', 'member', 'remove', '1234'), failed);
    alike('remove what is no id', (c) => c.ctl('m1', 'member', 'remove', 'm1'), failed);
    alike('promote nobody', (c) => c.ctl('m1', 'member', 'promote', '1234'), failed);
    alike('promote nobody, asked of a follower', (c) => c.ctl('m2', 'member', 'promote', '1234'), failed);
    alike('promote a voter', (c) => c.ctl('m1', 'member', 'promote', c.id('m2')), failed);
    alike('promote a voter, asked of a follower', (c) => c.ctl('m3', 'member', 'promote', c.id('m2')), failed);
    alike('update nobody', (c) => c.ctl('m1', 'member', 'update', '1234', '--peer-urls=http://127.0.0.1:1'), failed);
    alike(
      "update to another member's URL",
      (c) => c.ctl('m1', 'member', 'update', c.id('m2'), `--peer-urls=${c.server('m3').peerUrl}`),
      failed,
    );
    alike('update to a bad URL', (c) => c.ctl('m1', 'member', 'update', c.id('m2'), '--peer-urls=127.0.0.1'), failed);
    alike('update without URLs', (c) => c.ctl('m1', 'member', 'update', c.id('m2')), failed);
  });

  describe('a learner', () => {
    const listed: Play = async (c) => unordered(await c.ctl('m1', 'member', 'list'));

    alike(
      'is added',
      async (c) => {
        const { peerUrl } = await c.member('m4', kindOf(c), 'existing');
        const printed = await c.ctl('m2', 'member', 'add', 'm4', '--learner', `--peer-urls=${peerUrl}`);
        await c.learnIds();
        return [initialClusterSorted(printed), unordered(await c.ctl('m1', 'member', 'list'))];
      },
      ([printed]) => {
        expect(printed?.code).toBe(0);
      },
    );
    alike(
      'is one too many, when there is one',
      (c) => c.ctl('m1', 'member', 'add', 'm9', '--learner', '--peer-urls=http://127.0.0.1:1'),
      failed,
    );
    alike('is not promoted before it has started', (c) => c.ctl('m1', 'member', 'promote', c.id('m4')), failed);
    alike(
      'is not promoted before it has started, asked of a follower',
      (c) => c.ctl('m2', 'member', 'promote', c.id('m4')),
      failed,
    );
    alike('starts, and is listed by itself, too', async (c) => {
      const server = c.server('m4');
      server.launch();
      await until(async () => (await c.ctl('m4', 'get', 'a', '--consistency=s')).stdout.includes('a'));
      return [await listed(c), unordered(await c.ctl('m4', 'endpoint', 'status', '-w', 'fields'))]
        .flat()
        .map(withoutSizes);
    });
    alike('serves what is there, and nothing that needs the others', async (c) => {
      const printed = [
        await c.ctl('m4', 'get', 'a', '--consistency=s'),
        await c.ctl('m4', 'put', 'a', 'x'),
        await c.ctl('m4', 'del', 'a'),
        await c.ctlWith(['m4'], ['txn'], { stdin: '\nput a x\n\n\n' }),
        await c.ctl('m4', 'compaction', '4'),
        await c.ctl('m4', 'member', 'remove', '1234'),
        await c.ctl('m4', 'move-leader', c.id('m2')),
        await c.ctl('m4', 'auth', 'status'),
        await c.ctl('m4', 'defrag'),
      ];
      return printed.map(withoutWarnings);
    });
    it('refuses as etcd 3.6 does: what is not supported is never tried again', async () => {
      // 3.5 answers Unavailable, which its clients retry a hundred times, and a watch forever.
      for (const args of [
        ['get', 'a'],
        ['member', 'list'],
        ['watch', 'a', '--rev=6'],
        ['lease', 'list'],
        ['lease', 'grant', '10'],
        ['lease', 'revoke', '1234'],
        ['endpoint', 'hashkv'],
      ]) {
        const { stdout, stderr, code } = await clusters.kontiki.ctl('m4', ...args);
        expect({ stdout, failed: code !== 0 }).toEqual({ stdout: '', failed: true });
        expect(stderr).toContain('rpc not supported for learner');
        expect(stderr).not.toContain('"attempt":1');
      }
      // A stream that ended before the client sent its first message tells it no more than that.
      const renewed = await clusters.kontiki.ctl('m4', 'lease', 'keep-alive', '--once', '1234');
      expect(renewed.stderr).toMatch(/rpc not supported for learner|EOF/);
    });
    alike('does not lead', (c) => c.ctl('m1', 'move-leader', c.id('m4')), failed);
    alike('is promoted by a follower, once, when it has caught up', async (c) => {
      let printed = await c.ctl('m3', 'member', 'promote', c.id('m4'));
      for (let attempt = 0; printed.code !== 0 && attempt < 50; attempt++) {
        await wait(200);
        printed = await c.ctl('m3', 'member', 'promote', c.id('m4'));
      }
      return [
        printed,
        await c.ctl('m1', 'member', 'promote', c.id('m4')),
        unordered(await c.ctl('m1', 'member', 'list')),
      ];
    });
    alike(
      'votes then',
      async (c) => {
        await c.server('m4').ready();
        return [await c.ctl('m4', 'put', 'a', '5'), await c.ctl('m1', 'get', 'a')];
      },
      succeeded,
    );
  });

  describe('changes of a member', () => {
    alike(
      'gets another address',
      async (c) => {
        const { peerUrl } = c.server('m4');
        return [
          await c.ctl('m3', 'member', 'update', c.id('m4'), `--peer-urls=${peerUrl},http://127.0.0.1:1`),
          members(await c.ctl('m3', 'member', 'list', '-w', 'json')),
          await c.ctl('m3', 'member', 'update', c.id('m4'), `--peer-urls=${peerUrl}`),
          members(await c.ctl('m3', 'member', 'list', '-w', 'json')),
        ].flat();
      },
      succeeded,
    );
    alike(
      'is removed as the leader, and another leads',
      async (c) => {
        const printed = await c.ctl('m2', 'member', 'remove', c.id('m1'));
        await ended(c.server('m1'));
        // Until they hear nothing any more, the others name the old one.
        await until(async () => (await c.leader('m2')) !== 'm1');
        await c.lead('m2');
        return [printed, unordered(await c.ctl('m2', 'member', 'list')), await c.ctl('m2', 'put', 'a', '6')];
      },
      succeeded,
    );
    alike('is not removed twice', (c) => c.ctl('m2', 'member', 'remove', c.id('m1')), failed);
    it('a process that was removed ends well, and again when it is started on its data', async () => {
      const server = clusters.kontiki.server('m1');
      expect(await ended(server)).toEqual({ code: 0, signal: null });
      expect(await ended(clusters.etcd.server('m1'))).toEqual({ code: 0, signal: null });
      // etcd ends with 1 here: to whoever watches over the process, a failure, which it tries again.
      server.launch();
      expect(await ended(server)).toEqual({ code: 0, signal: null });
      expect(server.log()).toContain('the member has been permanently removed from the cluster');
    });
    alike('one that is down is removed, the rest goes on', async (c) => {
      await c.server('m4').kill();
      const printed = await c.ctl('m2', 'member', 'remove', c.id('m4'));
      return [printed, await c.ctl('m3', 'put', 'a', '7'), unordered(await c.ctl('m3', 'member', 'list'))];
    });
    it('a member that was removed while it was down ends when it learns that', async () => {
      // Again, etcd ends with 1.
      const server = clusters.kontiki.server('m4');
      server.launch();
      expect(await ended(server)).toEqual({ code: 0, signal: null });
    });
  });

  describe('two members are left', () => {
    alike(
      'with one of them down nothing can be changed',
      async (c) => {
        await c.lead('m2');
        await c.server('m3').kill();
        await wait(100);
        return [
          await c.ctl('m2', 'member', 'add', 'm9', '--peer-urls=http://127.0.0.1:1'),
          await c.ctl('m2', 'member', 'add', 'm9', '--learner', '--peer-urls=http://127.0.0.1:1'),
          await c.ctl('m2', 'member', 'remove', c.id('m2')),
        ].map(withoutWarnings);
      },
      failed,
    );
    alike(
      'everything is there after both started anew',
      async (c) => {
        await c.server('m2').kill();
        for (const name of ['m2', 'm3']) c.server(name).launch();
        for (const name of ['m2', 'm3']) await c.server(name).ready();
        return [
          await c.ctl('m2', 'get', '', '--prefix', '-w', 'json'),
          await c.ctl('m3', 'get', '', '--prefix'),
          unordered(await c.ctl('m3', 'member', 'list')),
        ];
      },
      succeeded,
    );
    alike('a voter is added, but no second before it has started', async (c) => {
      await wait(HEALTHY_MS);
      const { peerUrl } = await c.member('m5', kindOf(c), 'existing', () => c.initialCluster('m2', 'm3', 'm5'));
      const added = await c.ctl('m2', 'member', 'add', 'm5', `--peer-urls=${peerUrl}`);
      await c.learnIds('m2');
      return [
        initialClusterSorted(added),
        await c.ctl('m2', 'member', 'add', 'm9', '--peer-urls=http://127.0.0.1:1'),
        await c.ctl('m2', 'member', 'remove', c.id('m3')),
        unordered(await c.ctl('m2', 'member', 'list')),
      ];
    });
    alike('it starts, gets everything, and is one of three', async (c) => {
      await c.server('m5').startAgain();
      await c.ctl('m5', 'put', 'a', '8');
      await c.ctl('m2', 'get', 'a');
      await c.ctl('m3', 'get', 'a');
      const { stdout } = await c.ctlWith(['m2', 'm3', 'm5'], ['endpoint', 'hashkv']);
      const hashes = stdout
        .trim()
        .split('\n')
        .map((line) => line.split(', ')[1]);
      // Not those of the other cluster: the ids of leases are hashed, too.
      expect([hashes.length, new Set(hashes).size]).toEqual([3, 1]);
      return c.ctl('m5', 'get', '', '--prefix');
    });
  });

  describe('what is left of a member', () => {
    it.each(['new', 'existing'] as const)('without its data it is not let in again, as %s', async (state) => {
      const c = clusters.kontiki;
      await c.server('m3').kill();
      const wiped = c.wiped('m3', state, ['m2', 'm3', 'm5']);
      wiped.launch();
      expect(await ended(wiped)).toEqual({ code: 1, signal: null });
      expect(wiped.log()).toContain(`member ${c.id('m3')} has already been bootstrapped`);
    });

    alike(
      'one of three, alone for good, is a cluster of its own with --force-new-cluster',
      async (c) => {
        for (const name of ['m3', 'm5']) await c.server(name).kill();
        await c.server('m2').kill();
        await c.server('m2').startAgain(['--force-new-cluster']);
        const printed = [
          await c.ctl('m2', 'member', 'list'),
          await c.ctl('m2', 'put', 'a', '9'),
          await c.ctl('m2', 'get', '', '--prefix'),
        ];
        await c.server('m2').stop();
        await c.server('m2').startAgain();
        return [...printed, await c.ctl('m2', 'member', 'list'), await c.ctl('m2', 'get', 'a')];
      },
      succeeded,
    );
  });

  const kindOf = (cluster: TestCluster): ServerKind => (cluster === clusters.etcd ? 'etcd' : 'kontiki');
});

describe.skipIf(missing)('a cluster that cannot be founded so', () => {
  const own = 'http://127.0.0.1:3';
  const cases = {
    'it is not among the members': ['m2=http://127.0.0.1:3'],
    'another scheme': ['m1=ftp://127.0.0.1:3'],
    'no port': ['m1=http://127.0.0.1'],
    'a path': [`m1=${own}/x`],
    'one URL twice': [`m1=${own},m2=${own}`],
    'its URL is not the one it advertises': ['m1=http://127.0.0.1:4'],
    'it exists, but nobody answers': [`m1=${own},m2=http://127.0.0.1:4`, '--initial-cluster-state=existing'],
  };
  it.each(Object.entries(cases))("%s: etcd's words", async (_why, [initial, ...more]) => {
    const directory = mkdtempSync(join(tmpdir(), 'kontiki-compat-'));
    const said = (kind: ServerKind): Promise<string> => {
      const { command, leading } = programOf(kind);
      const flags = [
        `--data-dir=${join(directory, kind)}`,
        ...['--name=m1', '--listen-client-urls=http://127.0.0.1:0', '--advertise-client-urls=http://127.0.0.1:2'],
        ...['--listen-peer-urls=http://127.0.0.1:0', `--initial-advertise-peer-urls=${own}`],
        ...[`--initial-cluster=${initial}`, ...more],
      ];
      return new Promise((resolve) => {
        execFile(command, [...leading, ...flags], { timeout: 20_000 }, (error, stdout, stderr) => {
          expect(error?.code).not.toBe(0);
          const lines = `${stdout}${stderr}`.split('\n').filter((line) => !/"level":"(info|warn)"/.test(line));
          expect(lines.length).toBe(2);
          const [line = ''] = lines;
          resolve(
            line.startsWith('{') ? (JSON.parse(line) as { error: string }).error : line.replace('kontikid: ', ''),
          );
        });
      });
    };
    try {
      const [wanted, got] = await Promise.all([said('etcd'), said('kontiki')]);
      expect(got).toBe(wanted);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

/** The members as JSON, in order of their names: the order of ids is another in each cluster. */
function members(printed: Printed): Printed {
  if (printed.stdout === '') return printed;
  const nameOf = ({ name }: { name?: string }): string => name ?? '';
  const { header, members } = JSON.parse(exact(printed.stdout)) as {
    header: object;
    members: { name?: string }[];
  };
  const ordered = members.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  return { ...printed, stdout: JSON.stringify({ header, members: ordered }) };
}

/** What each endpoint says of itself, but for what two servers may differ in. */
function statuses(printed: Printed): Printed {
  const entries = JSON.parse(exact(printed.stdout)) as { Endpoint: string; Status: Record<string, unknown> }[];
  const said = entries.map(({ Endpoint, Status }) => {
    const masked = ['dbSize', 'dbSizeInUse', 'raftIndex', 'raftAppliedIndex', 'raftTerm', 'version'];
    for (const name of masked) if (name in Status) Status[name] = `<${name}>`;
    return JSON.stringify({ Endpoint, Status });
  });
  return unordered({ ...printed, stdout: said.join('\n') });
}

/** What the client logged on its way, out: codes and numbers of attempts. */
function withoutWarnings({ stdout, stderr, code }: Printed): Printed {
  return { stdout, stderr: stderr.replace(/\{.*\n/g, ''), code };
}

function withoutSizes(printed: Printed): Printed {
  const stdout = printed.stdout.replace(/"(\w*(Size|Index|Term|Version)\w*)" : .*/g, '"$1" : <$1>');
  return { ...printed, stdout };
}

/** The members that `member add` prints, in order: the order of ids is another in each cluster. */
function initialClusterSorted(printed: Printed): Printed {
  const stdout = printed.stdout.replace(/(?<=ETCD_INITIAL_CLUSTER=")[^"]*/, (list) => list.split(',').sort().join());
  return { ...printed, stdout };
}
