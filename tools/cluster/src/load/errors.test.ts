import { describe, expect, it } from 'vitest';
import { judge, shorten } from './errors.js';

describe('judge', () => {
  it.each([
    ['etcdserver: leader changed', 'unknown'],
    ['etcdserver: request timed out, possibly due to previous leader failure', 'unknown'],
    ['No connection established. Last error: connect ECONNREFUSED 127.0.0.1:4001.', 'refused'],
    ['etcdserver: too many requests', 'refused'],
  ])('knows %s', (text, outcome) => {
    expect(judge(text)).toBe(outcome);
  });

  it.each(['etcdserver: corrupt cluster', 'panic', 'etcdserver: mvcc: required revision has been compacted', ''])(
    'does not excuse %s',
    (text) => {
      expect(judge(text)).toBeUndefined();
    },
  );
});

it('shortens what changes from call to call', () => {
  const text = 'Deadline exceeded after 3.001s,LB pick: 0.001s,remote_addr=127.0.0.1:4001';
  expect(shorten(text)).toBe('Deadline exceeded');
});
