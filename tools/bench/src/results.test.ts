import { describe, expect, it } from 'vitest';
import { markdownOf, type Report, rowsOf, type Sample } from './results.js';

function sample(server: string, requestsPerSecond: number, cpu: number): Sample {
  return {
    scenario: 'put',
    server,
    requests: 1_000,
    requestsPerSecond,
    p50: 1,
    p99: 2,
    p999: 3,
    max: 4,
    cpuMicrosecondsPerRequest: cpu,
    residentBytes: 2 ** 20,
  };
}

const samples = [
  sample('kontiki', 300, 10),
  sample('etcd', 100, 40),
  sample('kontiki', 330, 12),
  sample('etcd', 100, 44),
];

const report: Report = {
  date: '2030-01-02T03:04:05.000Z',
  machine: {
    cpu: 'Some CPU',
    cores: 2,
    memoryBytes: 2 ** 34,
    system: 'Linux 6',
    node: 'v20',
    fsyncsPerSecond: 999.6,
    loadBefore: 0.04,
  },
  versions: { kontiki: '3.6.14', etcd: '3.5.30' },
  load: { connections: 100, streams: 10, runs: 2, seconds: 5 },
  samples,
};

describe('rowsOf', () => {
  it('takes the medians of each kind of work on each server', () => {
    const rows = rowsOf(samples);
    expect(rows.map(({ server, samples: count, requestsPerSecond }) => [server, count, requestsPerSecond])).toEqual([
      ['kontiki', 2, 315],
      ['etcd', 2, 100],
    ]);
    expect(rows[0]?.spread).toBeCloseTo(15 / 315);
  });
});

describe('markdownOf', () => {
  it('has a row for each, and Kontiki beside etcd', () => {
    const text = markdownOf(report);
    expect(text).toContain('| put | kontiki | 315 | 5 % | 1.00 | 2.00 | 3.00 | 11.0 | 1 |');
    expect(text).toContain('| put | 3.15 × | 0.26 × |');
    expect(text).toContain('1000 fsyncs a second');
  });

  it('has a table of the large store when there was one', () => {
    const result = {
      server: 'etcd',
      keys: 1_000_000,
      loadSeconds: 1,
      loadedBytes: 2 ** 30,
      restartedBytes: 2 ** 29,
      pageMs: 230,
      snapshotSeconds: 5,
      snapshotBytes: 2 ** 28,
      restartMs: 8_500,
    };
    const text = markdownOf({ ...report, large: [result, { ...result, server: 'kontiki', restartMs: 850 }] });
    expect(text).toContain('| 1,000,000 keys × 256 B | etcd | kontiki |');
    expect(text).toContain('| restart until the first answer, s | 8.50 | 0.85 |');
    expect(markdownOf(report)).not.toContain('keys × 256 B |');
  });

  it('compares nothing when one ran alone', () => {
    const alone = { ...report, samples: samples.filter(({ server }) => server === 'kontiki') };
    expect(markdownOf(alone)).not.toContain('Kontiki to etcd');
  });
});
