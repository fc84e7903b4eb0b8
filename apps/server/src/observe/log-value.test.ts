import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printableFields } from './log-value.js';

describe('fields of a log line', () => {
  it('are printed as people look for them', () => {
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    expect(
      printableFields({
        member: 0x2e1259d415f2a040n,
        error: new Error('no space left'),
        key: new Uint8Array([0x61, 0x00]),
        when: new Date(0),
        nothing: undefined,
        call: () => 0,
        odd: Number.NaN,
        list: [1n, undefined, null],
        map: new Map([['a', 1n]]),
        msg: 'taken',
        cycle,
      }),
    ).toEqual({
      member: '2e1259d415f2a040',
      error: 'no space left',
      key: 'a\\x00',
      when: '1970-01-01T00:00:00.000Z',
      odd: 'NaN',
      list: ['1', null, null],
      map: { a: '1' },
      'field-msg': 'taken',
      cycle: { self: { self: { self: { self: { self: { self: '(too deep)' } } } } } },
    });
  });

  it('survive a getter that throws', () => {
    const trap = {
      get bad(): never {
        throw new Error('trap');
      },
    };
    expect(printableFields({ trap, good: 1 })).toEqual({ trap: '(not printable)', good: 1 });
  });

  it('are JSON, whatever comes in', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string(),
          fc.anything({ withBigInt: true, withMap: true, withDate: true, withTypedArray: true }),
        ),
        (fields) => {
          const printed = printableFields(fields);
          expect(JSON.parse(JSON.stringify(printed))).toEqual(JSON.parse(JSON.stringify({ ...printed })));
        },
      ),
    );
  });
});
