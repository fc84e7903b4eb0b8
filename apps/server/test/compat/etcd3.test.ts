import { Etcd3, EtcdLockFailedError, type Watcher } from 'etcd3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ServerProcess } from '../../../../tools/harness/src/index.js';

/** Someone else's client, `etcd3` from npm, as its users use it. */
describe('the etcd3 client works against Kontiki', () => {
  let server: ServerProcess;
  let client: Etcd3;

  beforeAll(async () => {
    server = await ServerProcess.start({ kind: 'kontiki' });
    client = new Etcd3({ hosts: server.clientUrl });
  });

  afterAll(async () => {
    client.close();
    await server.dispose();
  });

  it('puts, gets, lists, deletes', async () => {
    await client.put('basic/a').value('one');
    await client.put('basic/b').value('two');
    expect(await client.get('basic/a').string()).toBe('one');
    expect(await client.get('basic/missing').string()).toBeNull();
    expect(await client.getAll().prefix('basic/').strings()).toEqual({ 'basic/a': 'one', 'basic/b': 'two' });
    expect(await client.getAll().prefix('basic/').sort('Key', 'Descend').limit(1).keys()).toEqual(['basic/b']);
    expect(await client.getAll().prefix('basic/').count()).toBe(2);
    const { deleted } = await client.delete().prefix('basic/');
    expect(Number(deleted)).toBe(2);
  });

  it('keeps binary values and reads old revisions', async () => {
    const value = Buffer.from([0, 1, 254, 255]);
    const { header } = await client.put('bytes').value(value);
    await client.put('bytes').value('later');
    expect(await client.get('bytes').revision(header.revision).buffer()).toEqual(value);
  });

  it('works inside a namespace', async () => {
    const space = client.namespace('space/');
    await space.put('key').value('inside');
    expect(await space.get('key').string()).toBe('inside');
    expect(await client.get('space/key').string()).toBe('inside');
    expect(await space.getAll().strings()).toEqual({ key: 'inside' });
    await space.delete().all();
    expect(await client.get('space/key').string()).toBeNull();
  });

  it('runs transactions', async () => {
    await client.put('txn').value('old');
    const swap = (from: string, to: string) =>
      client.if('txn', 'Value', '==', from).then(client.put('txn').value(to)).else(client.get('txn')).commit();
    expect((await swap('old', 'new')).succeeded).toBe(true);
    const lost = await swap('old', 'newer');
    expect(lost.succeeded).toBe(false);
    expect(lost.responses[0]?.response_range?.kvs[0]?.value.toString()).toBe('new');
  });

  it('retries an optimistic transaction (STM) until it fits', async () => {
    await client.put('counter').value('0');
    const increments = Array.from({ length: 8 }, () =>
      client.stm({ retries: 100 }).transact(async (tx) => {
        await tx.put('counter').value((await tx.get('counter').number())! + 1);
      }),
    );
    await Promise.all(increments);
    expect(await client.get('counter').number()).toBe(8);
  });

  it('grants leases, keeps them alive and lets keys go with them', async () => {
    const lease = client.lease(10);
    await lease.put('leased').value('here');
    await lease.keepaliveOnce();
    expect(await client.get('leased').string()).toBe('here');
    await lease.revoke();
    expect(await client.get('leased').string()).toBeNull();
  });

  it('locks: one holder at a time', async () => {
    const lock = await client.lock('mutex').ttl(10).acquire();
    await expect(client.lock('mutex').ttl(10).acquire()).rejects.toBeInstanceOf(EtcdLockFailedError);
    await lock.release();
    const again = await client.lock('mutex').ttl(10).acquire();
    await again.release();
  });

  it('watches a key and a prefix, from now and from the past', async () => {
    const { header } = await client.put('watched/a').value('1');
    const seen: string[] = [];
    const note = (watcher: Watcher, name: string): Watcher =>
      watcher
        .on('put', (kv) => seen.push(`${name} put ${kv.key}=${kv.value}`))
        .on('delete', (kv) => seen.push(`${name} delete ${kv.key}`));
    const now = note(await client.watch().key('watched/a').create(), 'now');
    const past = note(await client.watch().prefix('watched/').startRevision(header.revision).create(), 'past');
    await client.put('watched/a').value('2');
    await client.put('watched/b').value('3');
    await client.delete().key('watched/a');
    await expect.poll(() => seen.length, { timeout: 10_000 }).toBe(6);
    expect(seen.filter((line) => line.startsWith('now'))).toEqual(['now put watched/a=2', 'now delete watched/a']);
    expect(seen.filter((line) => line.startsWith('past'))).toEqual([
      'past put watched/a=1',
      'past put watched/a=2',
      'past put watched/b=3',
      'past delete watched/a',
    ]);
    await now.cancel();
    await past.cancel();
  });

  it('elects a leader', async () => {
    const first = client.election('boss', 5).campaign('first');
    await new Promise<void>((resolve, reject) => first.on('elected', resolve).on('error', reject));
    expect(await client.election('boss').leader()).toBe('first');
    const second = client.election('boss', 5).campaign('second');
    const elected = new Promise<void>((resolve, reject) => second.on('elected', resolve).on('error', reject));
    await first.resign();
    await elected;
    expect(await client.election('boss').leader()).toBe('second');
    await second.resign();
  });

  it('reads the cluster and its maintenance', async () => {
    const { members } = await client.cluster.memberList({});
    expect(members.map(({ name }) => name)).toEqual(['default']);
    const status = await client.maintenance.status();
    expect(status.version).toMatch(/^3\.6\./);
    expect(status.leader).toBe(members[0]!.ID);
  });
});
