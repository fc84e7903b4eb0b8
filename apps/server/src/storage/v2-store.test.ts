import { describe, expect, it } from 'vitest';
import { encodeV2Store } from './v2-store.js';

interface Node {
  readonly Path: string;
  readonly Value: string;
  readonly Children: Record<string, Node> | null;
}

/** Files by path; folders end in a slash. */
function listed(node: Node): Record<string, string> {
  if (node.Children === null) return { [node.Path]: node.Value };
  const own = node.Path === '/' ? '/' : `${node.Path}/`;
  return Object.assign({ [own]: node.Value }, ...Object.values(node.Children).map(listed));
}

const read = (bytes: Uint8Array): { Root: Node; CurrentVersion: number } => JSON.parse(new TextDecoder().decode(bytes));

describe('the store of the second API', () => {
  it('names members, learners, those removed, and the version, where etcd looks for them', () => {
    const store = read(
      encodeV2Store({
        members: [
          { id: 0x1an, peerUrls: ['http://a:1'], isLearner: false, name: 'a', clientUrls: ['http://a:2'] },
          { id: 0xf00000000000000bn, peerUrls: ['http://b:1'], isLearner: true, name: '', clientUrls: [] },
        ],
        removed: [0x2cn],
        clusterVersion: '3.5.0',
      }),
    );
    expect(store.CurrentVersion).toBe(2);
    expect(listed(store.Root)).toEqual({
      '/': '',
      '/0/': '',
      '/0/members/': '',
      '/0/members/1a/': '',
      '/0/members/1a/raftAttributes': '{"peerURLs":["http://a:1"]}',
      '/0/members/1a/attributes': '{"name":"a","clientURLs":["http://a:2"]}',
      '/0/members/f00000000000000b/': '',
      '/0/members/f00000000000000b/raftAttributes': '{"peerURLs":["http://b:1"],"isLearner":true}',
      '/0/removed_members/': '',
      '/0/removed_members/2c': 'removed',
      '/0/version': '3.5.0',
      '/1/': '',
    });
  });

  it('has no version before the members have agreed on one', () => {
    const paths = Object.keys(
      listed(read(encodeV2Store({ members: [], removed: [], clusterVersion: undefined })).Root),
    );
    expect(paths).toEqual(['/', '/0/', '/0/members/', '/1/']);
  });
});
