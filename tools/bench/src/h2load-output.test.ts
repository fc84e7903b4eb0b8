import { describe, expect, it } from 'vitest';
import { parseLog, parseSummary } from './h2load-output.js';

const text = `starting benchmark...
spawning thread #0: 100 total client(s). 20000 total requests
Application protocol: h2c
progress: 100% done

finished in 743.51ms, 26899.34 req/s, 1.98MB/s
requests: 20000 total, 20000 started, 20000 done, 19998 succeeded, 2 failed, 2 errored, 0 timeout
status codes: 20000 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 1.47MB (1540000) total, 320.10KB (327782) headers (space savings 90.20%), 585.94KB (600000) data
                     min         max         mean         sd        +/- sd
time for request:     1.02ms     88.10ms     35.50ms      8.11ms    79.51%
`;

describe('parseSummary', () => {
  it('reads what h2load prints', () => {
    const expected = {
      seconds: 0.74351,
      requestsPerSecond: 26899.34,
      done: 20000,
      succeeded: 19998,
      dataBytes: 600000,
    };
    expect(parseSummary(text)).toEqual(expected);
    expect(parseSummary(text.replace('743.51ms', '2.50s')).seconds).toBe(2.5);
  });

  it('does not make figures up', () => {
    expect(() => parseSummary('could not connect to host')).toThrow(/could not connect/);
    expect(() => parseSummary(text.replace('(600000) data', ''))).toThrow(/h2load said/);
  });
});

describe('parseLog', () => {
  it('gives latencies in milliseconds', () => {
    const lines = Array.from({ length: 1_000 }, (_, i) => `${1_700_000_000_000_000 + i}\t200\t${(i + 1) * 10}`);
    expect(parseLog(`${lines.join('\n')}\n`)).toEqual({ p50: 5, p99: 9.9, p999: 9.99, max: 10 });
  });

  it('refuses what is not a log', () => {
    expect(() => parseLog('1\t200\n')).toThrow(/not a line/);
    expect(() => parseLog('')).toThrow('no values');
  });
});
