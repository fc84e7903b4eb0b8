import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Compared } from '../compare.js';
import type { LargeStore } from '../large-store.js';
import type { Measured } from '../measure.js';
import { chart } from './chart.js';
import { type Report, reportMarkdown, reportText, saveReport, warnings } from './report.js';
import { figures, summarize } from './summary.js';
import { comparisonTable, figure, largeTable, limitsTable, markdown, plain } from './table.js';

const run = (requestsPerSecond: number, more: Partial<Measured> = {}): Measured => ({
  requests: 1_000,
  seconds: 1,
  requestsPerSecond,
  p50Ms: 1,
  p99Ms: 20,
  p999Ms: 30,
  maxMs: 40,
  cpuMicrosPerRequest: 100,
  cpuCores: 1,
  rssBytes: 50e6,
  peakRssBytes: 60e6,
  generatorCores: 0.3,
  keysWritten: 0,
  ...more,
});

const compared: Compared = {
  load: 'put',
  title: 'put 256 B',
  runs: {
    kontiki: [run(9_000), run(10_000, { p99Ms: 40 }), run(12_000)],
    etcd: [
      run(20_000, { cpuMicrosPerRequest: 50 }),
      run(20_001, { cpuMicrosPerRequest: 50 }),
      run(1, { cpuMicrosPerRequest: 50 }),
    ],
  },
};
const alone: Compared = { load: 'list', title: 'list', runs: { kontiki: [run(5)] } };

const report: Report = {
  startedAt: '2030-02-03T04:05:06.000Z',
  machine: {
    cpu: 'abacus',
    cores: 2,
    memoryBytes: 8e9,
    kernel: '1.2',
    node: 'v20.19.0',
    fileSystem: 'ext4 on /dev/x, 10 GB',
    loadBefore: 0.1,
    h2load: 'h2load nghttp2/1',
    etcd: '3.5.30',
    kontiki: 'abc',
  },
  shape: { connections: 100, streams: 10, seconds: 10, warmUpSeconds: 5 },
  runs: 3,
  limits: [{ name: 'fsync', perSecond: 1_234.5, p50Ms: 0.5, p99Ms: 2 }],
  compared: [compared],
  large: [],
};

const large: LargeStore = {
  server: 'kontiki',
  keys: 1_000_000,
  loadSeconds: 12.3,
  loadedBytes: 400e6,
  restartedBytes: 300e6,
  pageMs: 4.5,
  snapshotSeconds: 6,
  snapshotBytes: 350e6,
  restartMs: 2_500,
};

describe('the summary', () => {
  it('compares medians, and only what both have', () => {
    const { servers, ratios } = summarize(compared);
    expect(servers.kontiki?.throughput).toEqual({ median: 10_000, min: 9_000, max: 12_000 });
    expect(ratios).toMatchObject({ throughput: 0.5, p99: 1, cpu: 2 });
    expect(summarize(alone)).not.toHaveProperty('ratios');
    expect(Object.keys(summarize(alone).servers)).toEqual(['kontiki']);
  });
});

describe('the table', () => {
  it('has a row per server and one of ratios, all as long as its head', () => {
    const { rows } = comparisonTable([summarize(compared), summarize(alone)]);
    expect(rows.map(([load, server]) => [load, server])).toEqual([
      ['load', 'server'],
      ['put 256 B', 'kontiki'],
      ['', 'etcd'],
      ['', 'kontiki / etcd'],
      ['list', 'kontiki'],
    ]);
    expect(new Set(rows.map((row) => row.length))).toEqual(new Set([figures.length + 3]));
    expect(rows[1]?.slice(2, 4)).toEqual(['10,000', '9,000-12,000']);
    expect(rows[3]?.slice(2, 5)).toEqual(['0.50x', '', '1.00x']);
  });

  it('lines words up on the left and numbers on the right', () =>
    expect(plain(limitsTable(report.limits))).toBe(
      'limit of this machine  per s  p50 ms  p99 ms  CPU µs\n' + 'fsync                  1,235    0.50    2.00',
    ));

  it('of a large store has a column per server', () => {
    const { rows } = largeTable([large, { ...large, server: 'etcd', restartMs: 1_000 }]);
    expect(rows[0]).toEqual(['1,000,000 keys x 256 B', 'kontiki', 'etcd']);
    expect(rows).toContainEqual(['restart until the first answer, s', '2.50', '1.00']);
    for (const text of [
      reportText({ ...report, large: [large] }),
      reportMarkdown({ ...report, large: [large] }, 'x'),
    ]) {
      expect(text).toContain('1,000,000 keys');
    }
    expect(reportText(report)).not.toContain('keys x 256 B');
  });

  it('is Markdown too', () =>
    expect(
      markdown({
        rows: [
          ['a', 'b'],
          ['x', '1'],
        ],
        left: 1,
      }),
    ).toBe('| a | b |\n| --- | --: |\n| x | 1 |'));

  it('shows three digits', () =>
    expect([0.456, 12.34, 123.4, 12_345.6].map(figure)).toEqual(['0.46', '12.3', '123', '12,346']));
});

describe('the report', () => {
  it('tells the machine, the figures and the limits', () => {
    for (const text of [reportText(report), reportMarkdown(report, 'chart.svg')]) {
      for (const part of ['abacus', 'Kontiki abc', 'etcd 3.5.30', '100 connections', 'put 256 B', '0.50x', 'fsync']) {
        expect(text).toContain(part);
      }
    }
    expect(reportMarkdown(report, 'chart.svg')).toContain('](chart.svg)');
    expect(reportMarkdown({ ...report, compared: [alone] }, 'chart.svg')).not.toContain('chart.svg');
  });

  it('is kept as JSON, Markdown and a chart, the chart only where there are two to compare', () => {
    const folder = mkdtempSync(join(tmpdir(), 'kontiki-report-'));
    try {
      const names = (kept: Report): string[] => saveReport(kept, folder, 'x').map((file) => basename(file));
      expect(names(report)).toEqual(['2030-02-03-x.json', '2030-02-03-x.md', '2030-02-03-x.svg']);
      const json = JSON.parse(readFileSync(join(folder, '2030-02-03-x.json'), 'utf8'));
      expect(json.compared[0].runs.kontiki[2].requestsPerSecond).toBe(12_000);
      expect(json.summaries[0].ratios.throughput).toBe(0.5);
      expect(readFileSync(join(folder, '2030-02-03-x.md'), 'utf8')).toContain('(2030-02-03-x.svg)');
      expect(names({ ...report, compared: [alone] })).toEqual(['2030-02-03-x.json', '2030-02-03-x.md']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('warns of what spoils the figures, and of nothing else', () => {
    expect(warnings(report)).toEqual([]);
    const { machine } = report;
    expect(warnings({ ...report, machine: { ...machine, loadBefore: 3 } })).toEqual([expect.stringContaining('busy')]);
    expect(warnings({ ...report, machine: { ...machine, fileSystem: 'tmpfs on tmpfs' } })).toHaveLength(1);
    expect(warnings({ ...report, runs: 2 })).toHaveLength(1);
    const saturated = { ...compared, runs: { etcd: [run(1, { generatorCores: 0.95 })] } };
    expect(warnings({ ...report, compared: [saturated] })).toEqual([expect.stringContaining('load generator')]);
  });
});

describe('the chart', () => {
  const bars = (svg: string): [string, number, number][] =>
    [...svg.matchAll(/<rect class="(\w+)" x="([\d.]+)" y="\d+" width="([\d.]+)"/g)].map((match) => [
      match[1]!,
      Number(match[2]),
      Number(match[3]),
    ]);

  it('draws less to the left and more to the right, coloured by what is good', () => {
    const svg = chart([summarize(compared), summarize(alone)]);
    const [throughput, p99, cpu, ...others] = bars(svg);
    expect(others).toEqual([]);
    const left = 170;
    const middle = left + (720 - left - 60) / 2;
    expect(throughput).toEqual(['bad', left, middle - left]);
    expect(p99).toEqual(['good', middle, 1]);
    expect(cpu).toEqual(['bad', middle, 720 - 60 - middle]);
    expect(svg).not.toContain('>list<');
  });

  it('escapes what a title may contain', () => {
    const svg = chart([{ ...summarize(compared), title: 'a < b & c' }]);
    expect(svg).toContain('a &lt; b &amp; c');
  });
});
