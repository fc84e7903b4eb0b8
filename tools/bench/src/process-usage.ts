import { readFileSync } from 'node:fs';

/** What a process has used since it began. */
export interface Usage {
  /** User and system time of all its threads, seconds. */
  readonly cpuSeconds: number;
  /** Resident memory now. */
  readonly rssBytes: number;
  /** The most it ever was. */
  readonly peakRssBytes: number;
}

/** USER_HZ: what /proc counts in, whatever the kernel's own tick. */
const TICKS_PER_SECOND = 100;

/** Reads /proc of a running process. @throws Error when there is no such process, or no /proc */
export function usageOf(pid: number): Usage {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return {
    cpuSeconds: parseCpuSeconds(readFileSync(`/proc/${pid}/stat`, 'latin1')),
    rssBytes: parseStatusBytes(status, 'VmRSS'),
    peakRssBytes: parseStatusBytes(status, 'VmHWM'),
  };
}

/** User and system seconds of a process; undefined when it is gone. */
export function cpuSecondsOf(pid: number): number | undefined {
  try {
    return parseCpuSeconds(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return undefined;
  }
}

/** The same of the thread the process began with: in Node the one that runs JavaScript. @throws Error when it is gone */
export function mainThreadSecondsOf(pid: number): number {
  return parseCpuSeconds(readFileSync(`/proc/${pid}/task/${pid}/stat`, 'latin1'));
}

/** @param stat one line of `/proc/<pid>/stat`; the name in it may contain anything. @see proc(5) */
export function parseCpuSeconds(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // utime and stime are fields 14 and 15; what follows the name begins with field 3.
  const ticks = Number(fields[11]) + Number(fields[12]);
  if (!Number.isFinite(ticks)) throw new Error(`not a line of /proc/<pid>/stat: ${JSON.stringify(stat)}`);
  return ticks / TICKS_PER_SECOND;
}

/** @param name a field given in kB, as `VmRSS` */
export function parseStatusBytes(status: string, name: string): number {
  const match = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status);
  if (match === null) throw new Error(`no ${name} in /proc/<pid>/status`);
  return Number(match[1]) * 1024;
}
