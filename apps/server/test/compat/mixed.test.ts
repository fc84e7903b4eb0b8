import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Client, type ServerKind } from '../../../../tools/harness/src/index.js';
import { missing, type Printed, warnIfMissing } from './etcdctl.js';
import { TestCluster } from './test-cluster.js';
import { ended, until } from './waiting.js';

/** Members of Kontiki and of a real etcd 3.5 in one cluster, and a cluster that changes from one to the other. */
warnIfMissing(missing);

/**
 * Snapshots after few entries, and few kept behind them: who misses some gets the state, not the log. Without the strict
 * check a member may be replaced at once; with it, not before the others have been seen for five seconds.
 */
const FLAGS: Readonly<Record<ServerKind, readonly string[]>> = {
  etcd: ['--snapshot-count=20', '--strict-reconfig-check=false', '--experimental-snapshot-catchup-entries=5'],
  kontiki: ['--snapshot-count=20', '--strict-reconfig-check=false', '--snapshot-catchup-entries=5'],
};

async function succeeds(printed: Promise<Printed>): Promise<string> {
  const one = await printed;
  expect(one).toMatchObject({ code: 0 });
  return one.stdout;
}

/** The hash of everything, which must be the same on all of them. */
async function sameHash(c: TestCluster, ...names: readonly string[]): Promise<string> {
  const asked = names.length > 0 ? names : [...c.members.keys()];
  // Whoever answers this has applied what was there before it.
  for (const name of asked) await succeeds(c.ctl(name, 'get', 'any'));
  const lines = (await succeeds(c.ctlWith(asked, ['endpoint', 'hashkv']))).trim().split('\n');
  const hashes = new Set(lines.map((line) => line.split(', ')[1]));
  expect({ lines: lines.length, hashes: hashes.size }, lines.join(' ')).toEqual({ lines: asked.length, hashes: 1 });
  return [...hashes][0]!;
}

async function clusterVersion(c: TestCluster, name: string): Promise<string> {
  const response = await fetch(`${c.server(name).clientUrl}/version`);
  return ((await response.json()) as { etcdcluster: string }).etcdcluster;
}

/** So many puts through one member, each an entry of the log. */
async function write(c: TestCluster, name: string, prefix: string, count: number): Promise<void> {
  const client = new Client(c.server(name).endpoint);
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  try {
    for (let i = 0; i < count; i++) {
      const put = await client.kv.put({ key: bytes(`${prefix}${i}`), value: bytes('value') });
      expect(put).toMatchObject({ ok: true });
    }
  } finally {
    client.close();
  }
}

/** Takes a member out, and puts one of another kind, not started, with its name in its place. @param via who leads */
async function replace(
  c: TestCluster,
  name: string,
  kind: ServerKind,
  via: string,
  ...as: readonly '--learner'[]
): Promise<void> {
  const before = c.server(name);
  await c.lead(via);
  await succeeds(c.ctl(via, 'member', 'remove', c.id(name)));
  expect(await ended(before)).toEqual({ code: 0, signal: null });
  const { peerUrl } = await c.member(name, kind, 'existing');
  await succeeds(c.ctl(via, 'member', 'add', name, `--peer-urls=${peerUrl}`, ...as));
  await c.learnIds(via);
}

describe.skipIf(missing)('two members of Kontiki and one of etcd are one cluster', () => {
  let c: TestCluster;
  const kontiki = ['m1', 'm2'] as const;
  const etcd = 'm3';

  beforeAll(async () => {
    c = await TestCluster.found({ kinds: ['kontiki', 'kontiki', 'etcd'], flags: (kind) => FLAGS[kind] });
  });

  afterAll(() => c?.dispose());

  it('all know each other, and agree on the version of the lowest', async () => {
    const lists = await Promise.all([...kontiki, etcd].map((name) => succeeds(c.ctl(name, 'member', 'list'))));
    expect(new Set(lists).size).toBe(1);
    expect(lists[0]?.match(/, started, m\d, /g)?.length).toBe(3);
    for (const name of [...kontiki, etcd]) await until(async () => (await clusterVersion(c, name)) === '3.5.0');
  });

  for (const leader of ['m1', etcd]) {
    describe(`led by ${leader === etcd ? 'etcd' : 'Kontiki'}`, () => {
      it('a leader of the other kind hands over', async () => {
        await c.lead(leader === etcd ? 'm1' : etcd);
        await c.lead(leader);
        for (const name of [...kontiki, etcd]) expect(await c.leader(name)).toBe(leader);
      });

      it.each([...kontiki, etcd])('%s takes writes, all others read them', async (name) => {
        const key = `${leader}/${name}`;
        await succeeds(c.ctl(name, 'put', key, 'value'));
        for (const other of [...kontiki, etcd])
          expect(await succeeds(c.ctl(other, 'get', key))).toBe(`${key}\nvalue\n`);
        const txn = `value("${key}") = "value"\n\nput ${key} other\n\nput ${key} never\n\n`;
        expect(await succeeds(c.ctlWith([name], ['txn'], { stdin: txn }))).toContain('SUCCESS');
        await succeeds(c.ctl(name, 'del', key));
        await sameHash(c);
      });

      it.each([
        [etcd, 'm1'],
        ['m2', etcd],
      ])('watched at %s, written through %s', async (at, through) => {
        const { stdout } = await c.ctlWith([at], ['watch', 'w/', '--prefix'], {
          until: 'end\n',
          meanwhile: async () => {
            await c.ctl(through, 'put', 'w/1', 'one');
            await c.ctl(through, 'del', 'w/1');
            await c.ctl(through, 'put', 'w/2', 'end');
          },
        });
        expect(stdout).toBe('PUT\nw/1\none\nDELETE\nw/1\n\nPUT\nw/2\nend\n');
      });

      it('a lease, each step through another member', async () => {
        const order = leader === etcd ? ['m1', 'm2', etcd] : [etcd, 'm2', 'm1'];
        const [first, second, third] = order as [string, string, string];
        const id = /lease ([0-9a-f]+) granted/.exec(await succeeds(c.ctl(first, 'lease', 'grant', '300')))![1]!;
        await succeeds(c.ctl(second, 'put', 'leased', 'v', `--lease=${id}`));
        for (const name of order) {
          expect(await succeeds(c.ctl(name, 'lease', 'keep-alive', '--once', id))).toContain(
            'keepalived with TTL(300)',
          );
          const left = await succeeds(c.ctl(name, 'lease', 'timetolive', id, '--keys'));
          expect(left).toContain('granted with TTL(300s)');
          expect(left).toContain('attached keys([leased])');
        }
        await succeeds(c.ctl(third, 'lease', 'revoke', id));
        for (const name of order) expect(await succeeds(c.ctl(name, 'get', 'leased'))).toBe('');
        await sameHash(c);
      });

      it('a lease that expires takes its key from everybody', async () => {
        const id = /lease ([0-9a-f]+) granted/.exec(await succeeds(c.ctl('m2', 'lease', 'grant', '2')))![1]!;
        await succeeds(c.ctl(etcd, 'put', 'soon', 'gone', `--lease=${id}`));
        for (const name of [...kontiki, etcd])
          await until(async () => (await c.ctl(name, 'get', 'soon')).stdout === '');
        await sameHash(c);
      });

      it('a compaction is one for all', async () => {
        const status = await succeeds(c.ctl('m1', 'get', 'any', '-w', 'json'));
        const revision = Number(/"revision":(\d+)/.exec(status)![1]);
        await succeeds(c.ctl(leader === etcd ? 'm2' : etcd, 'compaction', String(revision)));
        for (const name of [...kontiki, etcd]) {
          expect((await c.ctl(name, 'get', 'any', `--rev=${revision - 1}`)).stderr).toContain('has been compacted');
        }
        await sameHash(c);
      });
    });
  }

  it.each([
    ['m1', 'm2', 'Kontiki, from a leader that is Kontiki'],
    [etcd, 'm1', 'etcd, from a leader that is Kontiki'],
    ['m1', etcd, 'Kontiki, from a leader that is etcd'],
  ])('one far behind gets a snapshot: %s from %s (%s)', async (late, leader) => {
    await c.lead(leader);
    await c.server(late).kill();
    await write(c, leader, `without-${late}-${leader}/`, 45);
    const before = c.server(late).log(10_000_000).length;
    await c.server(late).startAgain();
    const said = c.server(late).log(10_000_000).slice(before);
    expect(said).toMatch(/applied snapshot|went on from a snapshot/);
    await sameHash(c);
    await succeeds(c.ctl(late, 'put', 'back', late));
    // Who is in the cluster came with it.
    expect(await succeeds(c.ctl(late, 'member', 'list'))).toBe(await succeeds(c.ctl(leader, 'member', 'list')));
    // And is there after another start.
    await c.server(late).stop();
    await c.server(late).startAgain();
    expect(await succeeds(c.ctl(late, 'member', 'list'))).toBe(await succeeds(c.ctl(leader, 'member', 'list')));
    await sameHash(c);
  });

  it.each(['m1', etcd])('the others go on while %s, which led, is killed', async (name) => {
    await c.lead(name);
    await c.server(name).kill();
    const others = [...kontiki, etcd].filter((other) => other !== name);
    for (const other of others) await until(async () => (await c.ctl(other, 'put', 'killed', name)).code === 0);
    await c.server(name).startAgain();
    expect(await succeeds(c.ctl(name, 'get', 'killed'))).toBe(`killed\n${name}\n`);
    await sameHash(c);
  });

  it('all killed at once, all come back with everything', async () => {
    const before = await sameHash(c);
    await Promise.all([...kontiki, etcd].map((name) => c.server(name).kill()));
    await c.startAll();
    expect(await sameHash(c)).toBe(before);
  });

  it('one of Kontiki is replaced by one of etcd, at the word of one of Kontiki', async () => {
    await replace(c, 'm2', 'etcd', 'm1');
    await c.server('m2').startAgain();
    await succeeds(c.ctl('m2', 'put', 'after/m2', 'value'));
    await sameHash(c);
    await c.lead('m2');
    await succeeds(c.ctl('m1', 'put', 'after/m1', 'value'));
    await sameHash(c);
  });
});

describe.skipIf(missing)('a cluster of etcd becomes one of Kontiki, one member at a time', () => {
  let c: TestCluster;
  beforeAll(async () => {
    c = await TestCluster.found({ kinds: ['etcd', 'etcd', 'etcd'], flags: (kind) => FLAGS[kind] });
    await write(c, 'm1', 'before/', 25);
  });

  afterAll(() => c?.dispose());

  it('the first is replaced', async () => {
    await replace(c, 'm1', 'kontiki', 'm2');
    await c.server('m1').startAgain();
    await succeeds(c.ctl('m1', 'put', 'after/m1', 'value'));
    await sameHash(c);
  });

  it('the second is replaced by a learner, which the first has promoted by the etcd that leads', async () => {
    await replace(c, 'm2', 'kontiki', 'm3', '--learner');
    const server = c.server('m2');
    server.launch();
    const asked = (): Promise<Printed> => c.ctl('m1', 'member', 'promote', c.id('m2'));
    await until(async () => (await asked()).code === 0);
    expect((await asked()).stderr).toContain('can only promote a learner member');
    await server.ready();
    await succeeds(c.ctl('m2', 'put', 'after/m2', 'value'));
    await sameHash(c);
  });

  it('the last one, which is etcd, is refused by a leader that is Kontiki in the same words', async () => {
    await c.lead('m1');
    const asked = (id: string): Promise<Printed> => c.ctl('m3', 'member', 'promote', id);
    expect((await asked(c.id('m2'))).stderr).toContain('can only promote a learner member');
    expect((await asked('1234')).stderr).toContain('member not found');
  });

  it('the last is replaced', async () => {
    await replace(c, 'm3', 'kontiki', 'm1');
    await c.server('m3').startAgain();
    await succeeds(c.ctl('m3', 'put', 'after/m3', 'value'));
    await sameHash(c);
  });

  it('has everything, and is at the version of Kontiki', async () => {
    const keys = await succeeds(c.ctl('m3', 'get', '', '--prefix', '--keys-only'));
    expect(keys.match(/^before\/\d+$/gm)?.length).toBe(25);
    expect(keys.match(/^after\/m\d$/gm)?.length).toBe(3);
    for (const name of ['m1', 'm2', 'm3']) await until(async () => (await clusterVersion(c, name)) === '3.6.0');
  });

  it('then etcd 3.5 cannot join it any more, and says so', async () => {
    const { peerUrl } = await c.member('m4', 'etcd', 'existing');
    await succeeds(c.ctl('m1', 'member', 'add', 'm4', '--learner', `--peer-urls=${peerUrl}`));
    const server = c.server('m4');
    server.launch();
    expect((await ended(server)).code).not.toBe(0);
    expect(server.log()).toContain('incompatible with current running cluster');
  });
});
