import { describe, expect, it } from 'vitest';
import { parseTotals } from './output.js';

const ended = `
starting benchmark...
spawning thread #0: 100 total client(s). 3000 total requests
Application protocol: h2c
progress: 100% done

finished in 743.10ms, 4037.13 req/s, 272.79KB/s
requests: 3000 total, 3000 started, 2995 done, 2990 succeeded, 5 failed, 4 errored, 3 timeout
status codes: 2990 2xx, 1 3xx, 2 4xx, 2 5xx
traffic: 202.71KB (207574) total, 7.03KB (7200) headers (space savings 93.68%), 96.56KB (98874) data
                     min         max         mean         sd        +/- sd
time for request:    27.22ms    356.96ms    198.21ms     91.27ms    58.70%
`;

describe('parseTotals', () => {
  it('reads the end of a run', () =>
    expect(parseTotals(ended)).toEqual({
      done: 2995,
      succeeded: 2990,
      failed: 12,
      statuses: { '2xx': 2990, others: 5 },
      dataBytes: 98_874,
    }));

  it('shows what there was instead', () =>
    expect(() => parseTotals('client could not connect')).toThrow(/could not connect/));
});
