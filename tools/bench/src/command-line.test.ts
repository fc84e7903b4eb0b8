import { describe, expect, it } from 'vitest';
import { parseArguments } from './command-line.js';

const parse = (...args: string[]): ReturnType<typeof parseArguments> => parseArguments(['node', 'bench', ...args]);
const names = (...args: string[]): string[] => parse(...args).only.map(({ name }) => name);

describe('the command line', () => {
  it('measures everything on both servers unless told otherwise, and keeps nothing', () => {
    const all = parse();
    expect(all).toMatchObject({ runs: 5, seconds: 10, warmUp: 5, connections: 100, streams: 10, limits: true });
    expect(all.servers).toEqual(['kontiki', 'etcd']);
    expect(names()).toEqual(['put', 'get', 'serializable-get', 'list']);
    expect(all).not.toHaveProperty('save');
  });

  it('takes lists of loads and servers', () => {
    expect(names('--only', 'list,put')).toEqual(['list', 'put']);
    expect(parse('--servers', 'etcd').servers).toEqual(['etcd']);
    expect(parse('--profile', 'get').profile?.name).toBe('get');
  });

  it('is quick but for what was said', () =>
    expect(parse('--quick', '--runs', '7')).toMatchObject({ runs: 7, seconds: 2, warmUp: 1 }));

  it('names what it keeps', () => {
    expect(parse('--save').save).toBe('side-by-side');
    expect(parse('--save', 'node-24').save).toBe('node-24');
  });

  it('takes options of Node that begin with dashes', () => expect(parse('--node=--a --b').node).toBe('--a --b'));
});
