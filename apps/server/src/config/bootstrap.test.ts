import { describe, expect, it } from 'vitest';
import { checkBootstrap, parseInitialCluster } from './bootstrap.js';
import { parseCommandLine } from './parse.js';

const HOSTS: Readonly<Record<string, string>> = {
  localhost: '127.0.0.1',
  'k.example': '10.0.0.1',
  'six.example': '::1',
};

async function check(...argv: readonly string[]): Promise<string | undefined> {
  const outcome = parseCommandLine(argv, {}, () => '');
  if (outcome.kind !== 'run') throw new Error(JSON.stringify(outcome));
  return checkBootstrap(outcome.options, async (host) => {
    const address = HOSTS[host];
    if (address === undefined) throw new Error(`ENOTFOUND ${host}`);
    return { address };
  });
}

const ADVERTISE = '--initial-advertise-peer-urls=http://127.0.0.1:1';

describe('a member without data', () => {
  it('may start alone, under any name', async () => {
    expect(await check()).toBeUndefined();
    expect(await check('--name=a', ADVERTISE)).toBeUndefined();
    expect(await check('--name=a', ADVERTISE, '--initial-cluster=a=http://127.0.0.1:1')).toBeUndefined();
  });

  it('may be named by host in one place and by address in the other', async () => {
    expect(await check(ADVERTISE, '--initial-cluster=default=http://localhost:1')).toBeUndefined();
    expect(
      await check('--initial-advertise-peer-urls=http://[::1]:1', '--initial-cluster=default=http://six.example:1'),
    ).toBeUndefined();
    expect(await check(ADVERTISE, '--initial-cluster=default=http://nowhere:1')).toContain(
      'has default=http://nowhere:1',
    );
  });

  it('may be one of several, each at an address of its own', async () => {
    const three = '--initial-cluster=default=http://127.0.0.1:1,b=http://b:1,c=http://c:1,b=http://b:2';
    expect(await check(ADVERTISE, three)).toBeUndefined();
    expect(await check(ADVERTISE, three, '--initial-cluster-state=existing')).toBeUndefined();
  });

  it('joins by the line that names it, whatever it advertises', async () => {
    const two = '--initial-cluster=default=http://k.example:7,b=http://b:1';
    expect(await check(ADVERTISE, two)).toContain('has default=http://k.example:7 but missing from');
    expect(await check(ADVERTISE, two, '--initial-cluster-state=existing')).toBeUndefined();
  });

  it.each([
    [
      ['--initial-cluster=b=http://localhost:1'],
      'couldn\'t find local name "default" in the initial cluster configuration',
    ],
    [
      [ADVERTISE, '--initial-cluster=default=http://127.0.0.1:1,default=http://127.0.0.1:2'],
      '--initial-cluster has default=http://127.0.0.1:2 but missing from --initial-advertise-peer-urls=http://127.0.0.1:1 (resolved urls: "http://127.0.0.1:1" != "http://127.0.0.1:1,http://127.0.0.1:2")',
    ],
    [
      [`${ADVERTISE},http://127.0.0.1:2`, '--initial-cluster=default=http://127.0.0.1:1'],
      '--initial-advertise-peer-urls has http://127.0.0.1:2 but missing from --initial-cluster=default=http://127.0.0.1:1',
    ],
    [['--initial-cluster=default'], 'error setting up initial cluster: expected name=url instead of default'],
    [
      ['--initial-cluster=default=ftp://a:1'],
      'error setting up initial cluster: URL scheme must be http, https, unix, or unixs: ftp://a:1',
    ],
    [
      [ADVERTISE, '--initial-cluster=default=http://127.0.0.1:1,b=http://127.0.0.1:1'],
      'initial cluster b=http://127.0.0.1:1,default=http://127.0.0.1:1 has duplicate url',
    ],
    [
      [ADVERTISE, '--initial-cluster=default=http://127.0.0.1:1,default=http://127.0.0.1:1'],
      'initial cluster default=http://127.0.0.1:1,default=http://127.0.0.1:1 has duplicate url',
    ],
    [
      [ADVERTISE, '--initial-cluster=default=http://127.0.0.1:1,b=http://a'],
      'error setting up initial cluster: URL address does not have the form "host:port": http://a',
    ],
    [
      [ADVERTISE, '--initial-cluster=default=http://127.0.0.1:1&b=http://a:1'],
      'error setting up initial cluster: URL address does not have the form "host:port": http://127.0.0.1:1&b=http://a:1',
    ],
    [
      [ADVERTISE, '--initial-cluster=default=http://127.0.0.1:1,b=http://a:1/x'],
      'error setting up initial cluster: URL must not contain a path: http://a:1/x',
    ],
    [
      [ADVERTISE, '--initial-cluster=default=http://127.0.0.1:1,b=http://:1'],
      'error setting up initial cluster: unexpected empty host (http://:1)',
    ],
    [
      [ADVERTISE, '--initial-cluster=default=http://127.0.0.1:1,b=https://a:1'],
      'error setting up initial cluster: https://a:1 is not supported yet by Kontiki (TLS is not built yet)',
    ],
    [
      ['--initial-cluster-state=existing', '--initial-cluster=b=http://a:1,c=http://c:1'],
      'couldn\'t find local name "default" in the initial cluster configuration',
    ],
    [
      ['--initial-cluster-state=existing'],
      'cannot fetch cluster info from peer urls: --initial-cluster names no member to join besides this one',
    ],
    [
      ['--initial-cluster-state=existing', '--initial-cluster=default=http://localhost:2380,b=http://localhost:2380'],
      'initial cluster b=http://localhost:2380,default=http://localhost:2380 has duplicate url',
    ],
  ])('is refused with one line: %j', async (argv, expected) => {
    expect(await check(...argv)).toBe(expected);
  });
});

it('keeps several URLs under one name', () => {
  const cluster = parseInitialCluster('a=http://a:2,b=http://b:1,a=http://a:1,');
  expect('value' in cluster && [...cluster.value].map(([name, urls]) => [name, urls.map((url) => url.text)])).toEqual([
    ['a', ['http://a:1', 'http://a:2']],
    ['b', ['http://b:1']],
  ]);
});
