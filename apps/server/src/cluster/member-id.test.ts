import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { clusterId, hexId, memberId } from './member-id.js';

const sha1 = (bytes: Uint8Array): Uint8Array => createHash('sha1').update(bytes).digest();

describe('member and cluster ids', () => {
  it('are the ones etcd gives its default single member', () => {
    // Read off a real etcd started without any flag.
    const id = memberId(['http://localhost:2380'], 'etcd-cluster', sha1);
    expect(hexId(id)).toBe('8e9e05c52164694d');
    expect(hexId(clusterId([id], sha1))).toBe('cdf818194e3a8c32');
  });

  it('do not depend on the order of URLs or members', () => {
    expect(memberId(['http://b:1', 'http://a:1'], 't', sha1)).toBe(memberId(['http://a:1', 'http://b:1'], 't', sha1));
    expect(clusterId([3n, 1n, 2n], sha1)).toBe(clusterId([1n, 2n, 3n], sha1));
  });

  it('depend on the token', () => {
    expect(memberId(['http://a:1'], 't', sha1)).not.toBe(memberId(['http://a:1'], 'u', sha1));
  });
});
