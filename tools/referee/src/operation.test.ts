import fc from 'fast-check';
import { expect, describe as group, it } from 'vitest';
import { histories } from './generate.js';
import { describe } from './operation.js';
import { callOf } from './requests.js';

group('describe', () => {
  it('leaves defaults out and shows bytes', () => {
    const none = { from: 'zero', plus: 0n } as const;
    expect(
      describe({
        kind: 'watch',
        stream: 1,
        key: 'a\0',
        end: '',
        start: { from: 'current', plus: -2n },
        filters: [0],
        prevKv: true,
        progressNotify: false,
        fragment: false,
        id: 0n,
      }),
    ).toBe('watch stream=1 key="a\\x00" start=current-2 filters=[0] prevKv');
    expect(describe({ kind: 'compact', revision: none, physical: false })).toBe('compact');
  });

  it('has words for every operation the generator makes', () =>
    fc.assert(
      fc.property(histories(20), ({ operations }) => {
        for (const operation of operations) expect(describe(operation)).not.toMatch(/undefined|\[object/);
      }),
      { numRuns: 300 },
    ));
});

it('makes a call of every unary operation', () =>
  fc.assert(
    fc.property(histories(20), ({ operations }) => {
      const names = { revision: () => 5n, lease: () => 1n, member: () => 2n };
      for (const operation of operations) {
        switch (operation.kind) {
          case 'watch':
          case 'cancelWatch':
          case 'progress':
          case 'keepAlive':
          case 'expire':
          case 'rawStream':
          case 'restart':
            continue;
          default:
            expect(callOf(operation, names).path).toMatch(/^\//);
        }
      }
    }),
    { numRuns: 200 },
  ));
