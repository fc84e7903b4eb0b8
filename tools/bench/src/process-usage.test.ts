import { describe, expect, it } from 'vitest';
import { parseCpuSeconds, parseStatusBytes } from './process-usage.js';

describe('parseCpuSeconds', () => {
  it('adds user and system time, past a name with spaces and brackets', () => {
    const stat = '97 (a ) b (c) S 1 97 97 0 -1 4194560 1 2 3 4 1234 66 7 8 20 0 11 0 5 6 7';
    expect(parseCpuSeconds(stat)).toBe(13);
  });

  it('refuses what is not such a line', () => expect(() => parseCpuSeconds('97 (x) S')).toThrow(/stat/));
});

describe('parseStatusBytes', () => {
  const status = 'Name:\tnode\nVmHWM:\t   20480 kB\nVmRSS:\t   10240 kB\n';
  it('reads a field in kB', () => {
    expect(parseStatusBytes(status, 'VmRSS')).toBe(10_485_760);
    expect(parseStatusBytes(status, 'VmHWM')).toBe(20_971_520);
  });

  it('refuses a missing field', () => expect(() => parseStatusBytes(status, 'VmSwap')).toThrow(/VmSwap/));
});
