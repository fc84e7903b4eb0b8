import { createHash } from 'node:crypto';
import { silentLogger } from '@kontiki/std';
import { describe, expect, it } from 'vitest';
import { begin, type FoundingOptions, type KnownMember } from './founding.js';
import { clusterId, memberId } from './member-id.js';

const sha1 = (bytes: Uint8Array): Uint8Array => createHash('sha1').update(bytes).digest();
const THREE = 'a=http://10.0.0.1:2380,b=http://10.0.0.2:2380,c=http://10.0.0.3:2380';
const idOf = (host: number): bigint => memberId([`http://10.0.0.${host}:2380`], 'token', sha1);

function known(host: number, changes: Partial<KnownMember> = {}): KnownMember {
  return { id: idOf(host), name: '', peerUrls: [`http://10.0.0.${host}:2380`], clientUrls: [], ...changes };
}

function options(changes: Partial<FoundingOptions> = {}): FoundingOptions {
  return {
    name: 'a',
    initialCluster: THREE,
    state: 'new',
    token: 'token',
    sha1,
    logger: silentLogger,
    membersOf: () => Promise.reject(new Error('nobody listens')),
    resolve: (urls) => Promise.resolve(urls),
    ...changes,
  };
}

function running(members: readonly KnownMember[]): FoundingOptions['membersOf'] {
  return (urls) =>
    urls[0]!.includes('0.2:') ? Promise.resolve({ clusterId: 77n, members }) : Promise.reject(new Error('down'));
}

describe('a new cluster', () => {
  it('is the same to each of its founders', async () => {
    const ids = [1, 2, 3].map(idOf);
    for (const [i, name] of ['a', 'b', 'c'].entries()) {
      const beginning = await begin(options({ name }));
      expect(beginning).toMatchObject({ memberId: ids[i], clusterId: clusterId(ids, sha1), known: [] });
      expect(beginning.founders.map(({ id, name: of }) => [id, of])).toEqual([
        [ids[0], 'a'],
        [ids[1], 'b'],
        [ids[2], 'c'],
      ]);
    }
  });

  it('may have begun without this one, which never started', async () => {
    const membersOf = running([known(1), known(2, { name: 'b', clientUrls: ['http://x:1'] }), known(3)]);
    expect((await begin(options({ membersOf }))).founders).toHaveLength(3);
  });

  it('does not take back a member that ran and lost its data', async () => {
    const membersOf = running([known(1, { name: 'a', clientUrls: ['http://x:1'] }), known(2), known(3)]);
    await expect(begin(options({ membersOf }))).rejects.toThrow(
      `member ${idOf(1).toString(16)} has already been bootstrapped`,
    );
  });

  it('must name this member', async () => {
    await expect(begin(options({ name: 'x' }))).rejects.toThrow(`couldn't find local name "x"`);
  });
});

describe('a cluster that exists', () => {
  const three = [known(1, { id: 501n }), known(2, { id: 502n }), known(3, { id: 503n })];
  const join = (changes: Partial<FoundingOptions> = {}): ReturnType<typeof begin> =>
    begin(options({ state: 'existing', membersOf: running(three), ...changes }));

  it('says who this member is', async () => {
    const beginning = await join({ name: 'c' });
    expect(beginning).toMatchObject({ memberId: 503n, clusterId: 77n, founders: [] });
    expect(beginning.known.map(({ id }) => id)).toEqual([501n, 502n]);
  });

  it('knows its members by address, however their hosts are written', async () => {
    const initialCluster = THREE.replace('10.0.0.1', 'one.example');
    const resolve = async (urls: readonly string[]): Promise<string[]> =>
      urls.map((url) => url.replace('one.example', '10.0.0.1'));
    expect((await join({ initialCluster, resolve })).memberId).toBe(501n);
    await expect(join({ initialCluster })).rejects.toThrow('unmatched member while checking PeerURLs');
  });

  it('must be reachable, and be the one the flags describe', async () => {
    await expect(join({ membersOf: options().membersOf })).rejects.toThrow('could not retrieve cluster information');
    await expect(join({ membersOf: running(three.slice(1)) })).rejects.toThrow('member count is unequal');
    await expect(join({ membersOf: running([known(1), known(2), known(9)]) })).rejects.toThrow('unmatched member');
  });

  it('does not take back a member that ran and lost its data', async () => {
    const started = [known(1, { name: 'a', clientUrls: ['http://x:1'] }), known(2), known(3)];
    await expect(join({ membersOf: running(started) })).rejects.toThrow('has already been bootstrapped');
  });
});
