import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { internal } from '../src/index.js';
import { messages, plain } from './support/schema.js';

/** Bytes that others made: see `golden/make.mjs` and `golden/capture.mjs`. */
function golden(file: string): readonly (readonly [name: string, hex: string])[] {
  const lines = readFileSync(new URL(`golden/${file}`, import.meta.url), 'utf8')
    .trimEnd()
    .split('\n');
  return lines.map((line) => {
    const [name = '', hex = ''] = line.split(' ');
    return [name, hex];
  });
}

/** What became of some bytes: read, and written again. */
function written(name: string, hex: string): string {
  const { type, ours } = messages.find((known) => known.name === name)!;
  const message = ours.decode(Buffer.from(hex, 'hex'));
  expect(message).toEqual(plain(type.decode(Buffer.from(hex, 'hex'))));
  return Buffer.from(ours.encode(message).finish()).toString('hex');
}

describe('what protoc wrote with every field set', () => {
  const lines = golden('protoc.txt');

  it('covers every message', () => {
    expect(new Set(lines.map(([name]) => name))).toEqual(new Set(messages.map(({ name }) => name)));
  });

  it.each(lines)('%s', (name, hex) => {
    expect(written(name, hex)).toBe(hex);
  });
});

describe('what etcd and etcdctl wrote', () => {
  const lines = golden('etcd.txt');
  const names = [...new Set(lines.map(([name]) => name))];

  it.each(names)('%s', (name) => {
    for (const [, hex] of lines.filter((line) => line[0] === name)) expect(written(name, hex)).toBe(hex);
  });

  it('a bare request of the second API is not readable as one of the third', () => {
    const requests = lines.filter(([name]) => name === 'etcdserverpb.Request');
    expect(requests).not.toEqual([]);
    for (const [, hex] of requests) {
      expect(() => internal.InternalRaftRequest.decode(Buffer.from(hex, 'hex'))).toThrow(Error);
    }
  });
});
