import { rpc } from '@kontiki/proto';
import { describe, expect, it } from 'vitest';
import type { Identity } from './answer.js';
import type { WatchCreate } from './operation.js';
import { MasterLog, WatcherLog } from './watch-log.js';

const identity: Identity = { clusterId: 1n, memberId: 2n, term: 3n, addresses: new Map(), autoLeases: [] };
const create: WatchCreate = {
  kind: 'watch',
  stream: 0,
  key: 'a',
  end: 'c',
  start: { from: 'zero', plus: 0n },
  filters: [],
  prevKv: false,
  progressNotify: false,
  fragment: false,
  id: 0n,
};

function event(
  key: string,
  revision: number,
  type: 0 | 1 = 0,
): { type: 0 | 1; kv: { key: Uint8Array; modRevision: number } } {
  return { type, kv: { key: Buffer.from(key), modRevision: revision } };
}

function response(
  revision: number,
  events: readonly ReturnType<typeof event>[],
  rest: { readonly created?: boolean; readonly canceled?: boolean; readonly fragment?: boolean } = {},
): rpc.WatchResponse {
  return rpc.WatchResponse.fromPartial({ header: { revision }, events: [...events], ...rest });
}

function faultsOf(options: Partial<WatchCreate>, ...responses: readonly rpc.WatchResponse[]): readonly string[] {
  const watcher = new WatcherLog({ ...create, ...options }, 0n, 0n);
  for (const one of [response(4, [], { created: true }), ...responses]) watcher.take(one, identity);
  return watcher.faults;
}

describe('WatcherLog', () => {
  it('finds nothing wrong with a right stream', () => {
    expect(
      faultsOf({}, response(5, [event('a', 5), event('b', 5)]), response(9, [event('a', 6), event('a', 9)])),
    ).toEqual([]);
    const parts = [response(6, [event('a', 5)], { fragment: true }), response(6, [event('b', 5), event('a', 6)])];
    expect(faultsOf({ fragment: true }, ...parts)).toEqual([]);
  });

  it.each([
    ['a revision in two responses', {}, [response(5, [event('a', 5)]), response(5, [event('b', 5)])]],
    ['a revision below the last', {}, [response(6, [event('a', 6)]), response(6, [event('a', 5)])]],
    ['a header below its events', {}, [response(5, [event('a', 6)])]],
    ['an unasked fragment', {}, [response(5, [event('a', 5)], { fragment: true })]],
    ['a response without a cause', {}, [response(5, [])]],
    ['events after the end', {}, [response(5, [], { canceled: true }), response(6, [event('a', 6)])]],
    [
      'fragments with different headers',
      { fragment: true },
      [response(6, [event('a', 5)], { fragment: true }), response(7, [event('b', 5)])],
    ],
  ] as const)('finds %s', (_, options, responses) => {
    expect(faultsOf(options, ...responses)).toHaveLength(1);
  });
});

describe('MasterLog', () => {
  const master = (): MasterLog => {
    const log = new MasterLog(4);
    log.take(response(7, [event('a', 5), event('z', 6), event('b', 7, 1)]), identity);
    return log;
  };
  const watcher = (
    options: Partial<WatchCreate>,
    start: bigint,
    ...received: readonly rpc.WatchResponse[]
  ): WatcherLog => {
    const log = new WatcherLog({ ...create, ...options }, start, 0n);
    for (const one of [response(4, [], { created: true }), ...received]) log.take(one, identity);
    return log;
  };

  it('knows what a watcher is owed: its range, its start, its filters', () => {
    expect(master().hasReached(watcher({}, 0n))).toBe(false);
    expect(master().hasReached(watcher({}, 0n, response(5, [event('a', 5)])))).toBe(false);
    expect(master().hasReached(watcher({}, 0n, response(7, [event('a', 5), event('b', 7, 1)])))).toBe(true);
    expect(master().hasReached(watcher({}, 8n))).toBe(true);
    expect(master().hasReached(watcher({ filters: [1] }, 0n, response(5, [event('a', 5)])))).toBe(true);
    expect(master().hasReached(watcher({ key: 'x', end: '\0' }, 0n, response(6, [event('z', 6)])))).toBe(true);
    expect(master().hasReached(watcher({ key: 'z', end: '' }, 0n))).toBe(false);
  });

  it('does not count what happened before it began', () => {
    expect(master().hasReached(watcher({}, 1n, response(4, [event('a', 2), event('a', 3)])))).toBe(false);
  });
});
