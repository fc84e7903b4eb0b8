import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boundText, expose } from './exposition.js';
import { Buckets, exponential, Family } from './metric-family.js';

describe('the text format', () => {
  it('prints a metric without labels from the start, one with labels from its first use', async () => {
    const plain = new Family({ name: 'a_total', type: 'counter', help: 'With \\ and\nbreak' });
    const labelled = new Family({ name: 'b', type: 'gauge', help: 'B', labels: ['z', 'a'] });
    expect(await expose([plain, labelled])).toBe(
      '# HELP a_total With \\\\ and\\nbreak\n# TYPE a_total counter\na_total 0\n',
    );
    plain.value().add(2);
    labelled.value('x"\\\n', 'y').set(-1.5);
    labelled.value('', '').set(2 ** 64);
    expect((await expose([plain, labelled])).split('\n').slice(2)).toEqual([
      'a_total 2',
      '',
      '# HELP b B',
      '# TYPE b gauge',
      'b{a="",z=""} 18446744073709552000',
      'b{a="y",z="x\\"\\\\\\n"} -1.5',
      '',
    ]);
  });

  it('prints series in order of their label values, each as often as it is asked', async () => {
    const family = new Family({ name: 'b', type: 'counter', help: 'B', labels: ['z', 'a'] });
    for (const [z, a] of [
      ['2', 'y'],
      ['1', 'y'],
      ['1', 'y-'],
      ['3', 'x'],
    ] as const)
      family.value(z, a).add();
    const text = await expose([family]);
    expect(text.match(/^b.*$/gm)).toEqual([
      'b{a="x",z="3"} 1',
      'b{a="y",z="1"} 1',
      'b{a="y",z="2"} 1',
      'b{a="y-",z="1"} 1',
    ]);
    expect(await expose([family])).toBe(text);
    family.clear();
    expect((await expose([family])).trim()).toBe('');
  });

  it('prints histograms cumulatively, the bound last among the labels', async () => {
    const family = new Family({ name: 'h', type: 'histogram', help: 'H', labels: ['x'], buckets: [0.001, 1, 1048576] });
    for (const value of [0.001, 0.5, 1, 2, 2e6]) family.buckets('v').observe(value);
    expect(await expose([family])).toBe(
      [
        '# HELP h H',
        '# TYPE h histogram',
        'h_bucket{x="v",le="0.001"} 1',
        'h_bucket{x="v",le="1"} 3',
        'h_bucket{x="v",le="1.048576e+06"} 4',
        'h_bucket{x="v",le="+Inf"} 5',
        'h_sum{x="v"} 2000003.501',
        'h_count{x="v"} 5',
        '',
      ].join('\n'),
    );
  });

  it.each([
    [1, '1'],
    [999_999, '999999'],
    [1e6, '1e+06'],
    [8_388_608, '8.388608e+06'],
    [0.0001, '0.0001'],
    [0.00001, '1e-05'],
    [0.0512, '0.0512'],
    [Number.POSITIVE_INFINITY, '+Inf'],
  ])('names the bound %d as Go does: %s', (bound, text) => {
    expect(boundText(bound)).toBe(text);
  });

  it('prints numbers that read back as themselves', () =>
    fc.assert(
      fc.asyncProperty(fc.double({ noNaN: true, noDefaultInfinity: true }), async (value) => {
        const family = new Family({ name: 'g', type: 'gauge', help: 'G' });
        family.value().set(value);
        const line = (await expose([family])).split('\n')[2]!;
        expect(Number(line.split(' ')[1])).toBe(value === 0 ? 0 : value);
      }),
    ));
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
