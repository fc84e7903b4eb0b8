import { expect, it } from 'vitest';
import { peerUrls, requestTarget, UrlPicker } from './dial.js';

it('moves on once, however many find the same address dead', () => {
  const picker = new UrlPicker(peerUrls(['http://a:1', 'http://b:2', 'http://c:3']));
  const first = picker.pick()!;
  picker.failed(first);
  picker.failed(first);
  expect(picker.pick()!.text).toBe('http://b:2');
  picker.failed(picker.pick()!);
  picker.failed(picker.pick()!);
  expect(picker.pick()).toBe(first);
  picker.update([]);
  expect(picker.pick()).toBeUndefined();
});

it.each([
  ['http://host:1', { protocol: 'http:', hostname: 'host', port: 1 }],
  ['https://[::1]:2', { protocol: 'https:', hostname: '::1', port: 2 }],
  ['unix:///run/peer.sock', { protocol: 'http:', socketPath: '/run/peer.sock' }],
])('dials %s', (url, target) => {
  expect(requestTarget(peerUrls([url])[0]!, '/raft')).toEqual({ ...target, path: '/raft' });
});
