const UNIT_NANOSECONDS: ReadonlyMap<string, number> = new Map([
  ['ns', 1],
  ['us', 1e3],
  ['\u00b5s', 1e3], // micro sign
  ['\u03bcs', 1e3], // Greek letter mu
  ['ms', 1e6],
  ['s', 1e9],
  ['m', 60e9],
  ['h', 3600e9],
]);

const PART = /(\d+\.?\d*|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/y;

/** The longest duration a 64-bit count of nanoseconds holds, in milliseconds. */
const MAX_MS = 2 ** 63 / 1e6;

/**
 * Go's duration syntax: `300ms`, `1h30m`, `1.5s`, `-2m`, a lone `0`.
 *
 * @returns milliseconds, with a fraction below one millisecond; undefined when the text is no duration
 */
export function parseDuration(text: string): number | undefined {
  const negative = text.startsWith('-');
  const body = negative || text.startsWith('+') ? text.slice(1) : text;
  if (body === '0') return 0;
  let nanoseconds = 0;
  PART.lastIndex = 0;
  let at = 0;
  while (at < body.length) {
    const match = PART.exec(body);
    if (match === null) return undefined;
    nanoseconds += Number(match[1]) * UNIT_NANOSECONDS.get(match[2]!)!;
    at = PART.lastIndex;
  }
  if (at === 0) return undefined;
  const ms = nanoseconds / 1e6;
  if (ms > MAX_MS) return undefined;
  return negative && ms !== 0 ? -ms : ms;
}

/** As Go prints a duration: `100ms`, `1m0s`, `2h0m0s`, `1.5s`, `0s`. Whole nanoseconds. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  if (ms < 0) return `-${formatDuration(-ms)}`;
  const ns = Math.round(ms * 1e6);
  if (ns < 1e3) return `${ns}ns`;
  if (ns < 1e6) return `${ns / 1e3}\u00b5s`;
  if (ns < 1e9) return `${ns / 1e6}ms`;
  const whole = Math.floor(ns / 1e9);
  const fraction = String(ns % 1e9)
    .padStart(9, '0')
    .replace(/0+$/, '');
  const seconds = `${whole % 60}${fraction === '' ? '' : `.${fraction}`}s`;
  const minutes = Math.floor(whole / 60);
  if (minutes === 0) return seconds;
  return minutes < 60 ? `${minutes}m${seconds}` : `${Math.floor(minutes / 60)}h${minutes % 60}m${seconds}`;
}
