import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expose, number } from './exposition.js';
import { Buckets, exponential, Family } from './metric-family.js';

describe('the text format', () => {
  it('prints a metric without labels from the start, one with labels from its first use', () => {
    const plain = new Family({ name: 'a_total', type: 'counter', help: 'With \\ and\nbreak' });
    const labelled = new Family({ name: 'b', type: 'gauge', help: 'B', labels: ['z', 'a'] });
    expect(expose([plain, labelled])).toBe('# HELP a_total With \\\\ and\\nbreak\n# TYPE a_total counter\na_total 0\n');
    plain.value().add(2);
    labelled.value('x"\\\n', 'y').set(-1.5);
    labelled.value('', '').set(1e6);
    expect(expose([plain, labelled]).split('\n').slice(2)).toEqual([
      'a_total 2',
      '# HELP b B',
      '# TYPE b gauge',
      'b{a="",z=""} 1e+06',
      'b{a="y",z="x\\"\\\\\\n"} -1.5',
      '',
    ]);
  });

  it('prints histograms cumulatively, the bound last among the labels', () => {
    const family = new Family({ name: 'h', type: 'histogram', help: 'H', labels: ['x'], buckets: [0.001, 1, 1048576] });
    for (const value of [0.001, 0.5, 1, 2, 2e6]) family.buckets('v').observe(value);
    expect(expose([family])).toBe(
      [
        '# HELP h H',
        '# TYPE h histogram',
        'h_bucket{x="v",le="0.001"} 1',
        'h_bucket{x="v",le="1"} 3',
        'h_bucket{x="v",le="1.048576e+06"} 4',
        'h_bucket{x="v",le="+Inf"} 5',
        'h_sum{x="v"} 2.000003501e+06',
        'h_count{x="v"} 5',
        '',
      ].join('\n'),
    );
  });

  it.each([
    [0, '0'],
    [-0, '0'],
    [1, '1'],
    [999_999, '999999'],
    [1e6, '1e+06'],
    [2_147_483_648, '2.147483648e+09'],
    [0.0001, '0.0001'],
    [0.00001, '1e-05'],
    [-0.00001, '-1e-05'],
    [1.795563087e9, '1.795563087e+09'],
    [2 ** 64, '1.8446744073709552e+19'],
    [Number.NaN, 'NaN'],
    [Number.POSITIVE_INFINITY, '+Inf'],
    [Number.NEGATIVE_INFINITY, '-Inf'],
  ])('prints %d as Go does: %s', (value, text) => {
    expect(number(value)).toBe(text);
  });

  it('prints numbers that read back as themselves', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(Number(number(value))).toBe(value === 0 ? 0 : value);
      }),
    );
  });
});

describe('buckets', () => {
  it('count as a naive count does', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -1, max: 20, noNaN: true })), fc.nat(20), (values, count) => {
        const bounds = exponential(0.001, 2, count);
        const buckets = new Buckets(bounds);
        for (const value of values) buckets.observe(value);
        const naive = [...bounds, Number.POSITIVE_INFINITY].map((bound) => values.filter((v) => v <= bound).length);
        expect(buckets.cumulative()).toEqual(naive);
      }),
    );
  });
});
