import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ServerKind, ServerProcess } from '../../../../tools/harness/src/index.js';
import { missing, normal as normalOf, type Printed, type RunOptions, runEtcdctl, warnIfMissing } from './etcdctl.js';

/**
 * The unmodified etcdctl plays one script against a real etcd and against Kontiki: what it prints, and how it exits,
 * must be the same, but for ids, times, sizes and ports.
 */
warnIfMissing(missing);

const run = (server: ServerProcess, args: readonly string[], options?: RunOptions): Promise<Printed> =>
  runEtcdctl(server.endpoint, args, options);

function normal(server: ServerProcess, printed: Printed): Printed {
  const names = new Map([
    [server.endpoint, '<endpoint>'],
    [server.peerUrl, '<peer>'],
  ]);
  return normalOf(names, printed);
}

interface Step {
  readonly name: string;
  readonly args: readonly string[];
  readonly options?: (server: ServerProcess) => RunOptions;
}

const step = (name: string, ...args: string[]): Step => ({ name, args });

const script: readonly Step[] = [
  step('put', 'put', 'a/1', 'one'),
  step('put -w json', 'put', 'a/2', 'two', '-w', 'json'),
  { name: 'put from stdin', args: ['put', 'a/3'], options: () => ({ stdin: 'three' }) },
  step('put --prev-kv', 'put', 'a/1', 'uno', '--prev-kv'),
  step('put --ignore-value', 'put', 'a/1', '--ignore-value'),
  step('put --ignore-value of a missing key', 'put', 'nothing', '--ignore-value'),
  step('put --ignore-lease', 'put', 'a/1', 'eins', '--ignore-lease'),
  step('put with an unknown lease', 'put', 'a/1', 'x', '--lease=1234'),
  step('put of an empty key', 'put', '', 'x'),
  step('put of binary', 'put', 'bin/\u00ff', '\u0001\u0002'),
  step('get', 'get', 'a/1'),
  step('get -w json', 'get', 'a/1', '-w', 'json'),
  step('get -w fields', 'get', 'a/1', '-w', 'fields'),
  step('get --hex', 'get', 'a/1', '--hex'),
  step('get of a missing key', 'get', 'nothing'),
  step('get --prefix', 'get', 'a/', '--prefix'),
  step('get --from-key', 'get', 'a/2', '--from-key'),
  step('get range', 'get', 'a/1', 'a/3'),
  step('get reversed range', 'get', 'a/3', 'a/1'),
  step('get everything', 'get', '', '--prefix', '--keys-only'),
  step('get --limit', 'get', 'a/', '--prefix', '--limit=2', '-w', 'json'),
  step('get --order descend', 'get', 'a/', '--prefix', '--order=DESCEND', '--sort-by=KEY'),
  step('get --sort-by modify', 'get', 'a/', '--prefix', '--sort-by=MODIFY', '--order=ASCEND'),
  step('get --sort-by value', 'get', 'a/', '--prefix', '--sort-by=VALUE', '--order=DESCEND'),
  step('get --sort-by create with limit', 'get', 'a/', '--prefix', '--sort-by=CREATE', '--limit=1'),
  step('get --rev', 'get', 'a/1', '--rev=2'),
  step('get --rev in the future', 'get', 'a/1', '--rev=1000'),
  step('get --keys-only', 'get', 'a/', '--prefix', '--keys-only'),
  step('get --count-only', 'get', 'a/', '--prefix', '--count-only', '-w', 'fields'),
  step('get --print-value-only', 'get', 'a/1', '--print-value-only'),
  step('get --consistency s', 'get', 'a/1', '--consistency=s'),
  {
    name: 'txn that succeeds',
    args: ['txn'],
    options: () => ({
      stdin: 'value("a/1") = "eins"\nversion("nothing") = "0"\n\nput t/1 "yes"\nget a/1\n\nput t/1 "no"\n\n',
    }),
  },
  {
    name: 'txn that fails',
    args: ['txn', '-w', 'json'],
    options: () => ({ stdin: 'mod("a/1") > "100000"\n\nput t/1 "yes"\n\nget t/1\ndel t/ --prefix\n\n' }),
  },
  { name: 'txn with a duplicate key', args: ['txn'], options: () => ({ stdin: '\nput d 1\nput d 2\n\n\n' }) },
  { name: 'empty txn', args: ['txn'], options: () => ({ stdin: '\n\n\n' }) },
  step('del', 'del', 'a/3'),
  step('del of a missing key', 'del', 'nothing'),
  step('del --prev-kv', 'del', 'a/2', '--prev-kv'),
  {
    name: 'watch --rev --prev-kv',
    args: ['watch', 'a/', '--prefix', '--rev=2', '--prev-kv'],
    options: (server) => ({ until: 'end\n', meanwhile: () => run(server, ['put', 'a/end', 'end']) }),
  },
  {
    name: 'watch from now',
    args: ['watch', 'w', '-w', 'json'],
    options: (server) => ({ until: 'ZW5k', meanwhile: () => run(server, ['put', 'w', 'end']) }),
  },
  {
    name: 'watch a range, deletes too',
    args: ['watch', 'x', 'y', '--rev=1'],
    options: (server) => ({
      until: 'end\n',
      meanwhile: async () => {
        await run(server, ['put', 'x1', 'one']);
        await run(server, ['del', 'x1']);
        await run(server, ['put', 'x1', 'end']);
      },
    }),
  },
  {
    name: 'watch --progress-notify',
    args: ['watch', 'quiet', '--progress-notify'],
    options: () => ({ until: 'progress notify: ' }),
  },
  step('lease grant of no time', 'lease', 'grant', '0'),
  step('lease list', 'lease', 'list', '-w', 'fields'),
  step('lease revoke of an unknown lease', 'lease', 'revoke', '1234'),
  step('lease timetolive of an unknown lease', 'lease', 'timetolive', '1234'),
  step('lease keep-alive of an unknown lease', 'lease', 'keep-alive', '--once', '1234'),
  step('compaction', 'compaction', '3'),
  step('compaction again', 'compaction', '3'),
  step('compaction in the future', 'compaction', '100000'),
  step('compaction --physical', 'compaction', '5', '--physical'),
  step('get --rev compacted', 'get', 'a/1', '--rev=2'),
  { name: 'watch --rev compacted', args: ['watch', 'a/1', '--rev=2'] },
  step('del --prefix', 'del', 'a/', '--prefix'),
  step('del --from-key', 'del', 'a', '--from-key'),
  step('alarm list', 'alarm', 'list'),
  step('alarm disarm', 'alarm', 'disarm'),
  step('defrag', 'defrag'),
  step('endpoint health', 'endpoint', 'health'),
  step('endpoint health -w json', 'endpoint', 'health', '-w', 'json'),
  step('member list', 'member', 'list'),
  step('member list -w table', 'member', 'list', '-w', 'fields'),
  step('auth status', 'auth', 'status'),
  // Before any lease: their ids, which differ, are part of what is hashed.
  step('endpoint hashkv', 'endpoint', 'hashkv'),
];

describe.skipIf(missing)('etcdctl prints against Kontiki what it prints against etcd', () => {
  const servers = {} as Record<ServerKind, ServerProcess>;

  beforeAll(async () => {
    const flags = ['--watch-progress-notify-interval=200ms'];
    [servers.etcd, servers.kontiki] = await Promise.all([
      ServerProcess.start({ kind: 'etcd', flags: ['--experimental-watch-progress-notify-interval=200ms'] }),
      ServerProcess.start({ kind: 'kontiki', flags }),
    ]);
  });

  afterAll(async () => {
    await Promise.all(Object.values(servers).map((server) => server.dispose()));
  });

  const both = async (one: (server: ServerProcess) => Promise<Printed>): Promise<[Printed, Printed]> =>
    Promise.all([one(servers.etcd), one(servers.kontiki)]);

  for (const { name, args, options } of script) {
    it(name, async () => {
      const [wanted, got] = await both(async (server) => normal(server, await run(server, args, options?.(server))));
      expect(got).toEqual(wanted);
    });
  }

  it('lease: grant, attach, timetolive, keep-alive, revoke', async () => {
    const [wanted, got] = await both(async (server) => {
      const printed: Printed[] = [];
      const next = async (...args: string[]): Promise<string> => {
        const one = await run(server, args);
        printed.push(normal(server, one));
        return one.stdout;
      };
      const id = /lease ([0-9a-f]+) granted/.exec(await next('lease', 'grant', '100'))![1]!;
      await next('put', 'l/1', 'v', `--lease=${id}`);
      await next('put', 'l/2', 'v', `--lease=${id}`);
      await next('get', 'l/1', '-w', 'json');
      await next('lease', 'timetolive', id);
      const keys = await run(server, ['lease', 'timetolive', id, '--keys']);
      printed.push(normal(server, { ...keys, stdout: keys.stdout.replace('l/2 l/1', 'l/1 l/2') }));
      await next('lease', 'keep-alive', '--once', id);
      await next('put', 'l/2', 'v', '--ignore-lease');
      await next('put', 'l/1', 'v');
      await next('lease', 'list');
      await next('lease', 'revoke', id);
      await next('get', 'l/', '--prefix');
      await next('lease', 'timetolive', id);
      return { stdout: JSON.stringify(printed, null, 1), stderr: '', code: 0 };
    });
    expect(got.stdout).toBe(wanted.stdout);
  });

  it('lease: a key goes when its lease expires', async () => {
    const [wanted, got] = await both(async (server) => {
      const id = /lease ([0-9a-f]+) granted/.exec((await run(server, ['lease', 'grant', '2'])).stdout)![1]!;
      const put = await run(server, ['put', 'gone', 'soon', `--lease=${id}`, '-w', 'json']);
      const { header } = JSON.parse(put.stdout) as { header: { revision: number } };
      // From the put on: the lease may be over before the watch begins.
      const watch = await run(server, ['watch', 'gone', `--rev=${header.revision}`], { until: 'DELETE\ngone\n\n' });
      return normal(server, { ...watch, stdout: watch.stdout + (await run(server, ['get', 'gone'])).stdout });
    });
    expect(got).toEqual(wanted);
    expect(got.stdout).toContain('DELETE');
  });

  it('endpoint status -w json: the same fields', async () => {
    const [wanted, got] = await both(async (server) => {
      const printed = await run(server, ['endpoint', 'status', '-w', 'json']);
      const [entry] = JSON.parse(printed.stdout) as [{ Status: Record<string, unknown> }];
      return { ...printed, stdout: Object.keys(entry.Status).sort().join(' ') };
    });
    // 3.6 answers what 3.5 does, and more that etcdctl 3.5 does not print.
    expect(got).toEqual(wanted);
  });
});
