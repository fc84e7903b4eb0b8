import { describe, expect, it } from 'vitest';
import { introductionOf, mismatchOf, parseId, refusalOf, requestHeaders } from './headers.js';

const identity = { memberId: 0xa1n, clusterId: 0xc1n, serverVersion: '3.6.14', minClusterVersion: '3.0.0' };
const good = { 'x-etcd-cluster-id': 'c1', 'x-server-version': '3.5.30', 'x-min-cluster-version': '3.0.0' };

it('says who we are in every request', () => {
  expect(requestHeaders(identity, ['http://a:1', 'http://b:2'])).toEqual({
    'X-Server-From': 'a1',
    'X-Server-Version': '3.6.14',
    'X-Min-Cluster-Version': '3.0.0',
    'X-Etcd-Cluster-ID': 'c1',
    'X-PeerURLs': 'http://a:1,http://b:2',
  });
});

it.each([
  [{}, undefined],
  [{ 'x-server-version': '3.0.0' }, undefined],
  [{ 'x-server-version': '3.7.0-rc.1', 'x-min-cluster-version': '3.6.99' }, undefined],
  [{ 'x-server-version': '2.3.9' }, 'incompatible version'],
  [{ 'x-server-version': undefined }, 'incompatible version'],
  [{ 'x-server-version': 'new' }, 'incompatible version'],
  [{ 'x-min-cluster-version': '3.7.0' }, 'incompatible version'],
  [{ 'x-min-cluster-version': '3' }, 'incompatible version'],
  [{ 'x-etcd-cluster-id': 'c2' }, 'cluster ID mismatch'],
  [{ 'x-etcd-cluster-id': undefined }, 'cluster ID mismatch'],
])('with %o a request is answered: %s', (headers, mismatch) => {
  expect(mismatchOf({ ...good, ...headers }, identity)).toBe(mismatch);
});

it.each([
  ['a1', 0xa1n],
  ['ffffffffffffffff', 0xffffffffffffffffn],
  ['', undefined],
  ['0', undefined],
  ['1ffffffffffffffff', undefined],
  ['0x1', undefined],
  ['-1', undefined],
])('takes %s for the id %s', (text, id) => {
  expect(parseId(text)).toBe(id);
});

it('hears who asks and where it listens', () => {
  expect(introductionOf({ 'x-server-from': 'a2', 'x-peerurls': 'http://a:1,http://b:2' })).toEqual({
    id: 0xa2n,
    urls: ['http://a:1', 'http://b:2'],
  });
  expect(introductionOf({ 'x-server-from': 'a2' })).toBeUndefined();
  expect(introductionOf({ 'x-peerurls': 'http://a:1' })).toBeUndefined();
});

describe('a refusal', () => {
  it('means that we were removed, from a member of our cluster only', () => {
    expect(refusalOf(410, good, 'removed member\n', identity)).toBe('removed');
    const words = '{"message":"cannot process message from removed member"}';
    expect(refusalOf(403, good, words, identity)).toBe('removed');
    expect(refusalOf(410, {}, 'removed member\n', identity)).toEqual({ reason: 'status 410, removed member' });
    expect(refusalOf(403, { 'x-etcd-cluster-id': 'c2' }, words, identity)).toMatchObject({ reason: /403/ });
  });

  it('means nothing that ends us otherwise', () => {
    const words = '{"message":"cannot process message to mismatch member"}';
    expect(refusalOf(403, good, words, identity)).toEqual({ reason: `status 403, ${words}` });
    expect(refusalOf(412, { ...good, 'x-etcd-cluster-id': 'c2' }, 'cluster ID mismatch\n', identity)).toEqual({
      reason: 'cluster ID mismatch: it is in c2',
    });
    expect(refusalOf(500, good, '', identity)).toEqual({ reason: 'status 500' });
  });
});
