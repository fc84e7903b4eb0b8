import { formatDuration, parseDuration } from './duration.js';
import { type FeatureGateSettings, parseFeatureGates } from './feature-gates.js';
import { parseInteger } from './integer.js';
import type { Parsed } from './parsed.js';
import { type EndpointUrl, parseUrls } from './urls.js';

/** How one kind of flag is written. Invariant: `parse(format(v))` gives v back. */
export interface ValueType<T> {
  /** For the reference: `integer`, `duration`, ... */
  readonly label: string;
  parse(text: string): Parsed<T>;
  format(value: T): string;
  /** What the flag means without a value, for kinds that may stand alone. */
  readonly bare?: string;
  /** A plain number in YAML, where it means something else than the same text on the command line. */
  readonly parseYamlNumber?: (text: string) => Parsed<T>;
}

export const text: ValueType<string> = {
  label: 'text',
  parse: (value) => ({ value }),
  format: (value) => value,
};

const TRUE = ['1', 't', 'T', 'TRUE', 'true', 'True'];
const FALSE = ['0', 'f', 'F', 'FALSE', 'false', 'False'];

export const boolean: ValueType<boolean> = {
  label: 'boolean',
  parse(value) {
    if (TRUE.includes(value)) return { value: true };
    return FALSE.includes(value) ? { value: false } : { problem: 'expected true or false' };
  },
  format: String,
  bare: 'true',
};

export function integer(
  min: number = Number.MIN_SAFE_INTEGER,
  max: number = Number.MAX_SAFE_INTEGER,
): ValueType<number> {
  return { label: 'integer', parse: (value) => parseInteger(value, { min, max }), format: String };
}

/** Milliseconds. */
export const duration: ValueType<number> = {
  label: 'duration',
  parse(value) {
    const ms = parseDuration(value);
    return ms === undefined
      ? { problem: 'expected a duration with a unit, such as 300ms, 5s or 1h30m' }
      : { value: ms };
  },
  format: formatDuration,
  // etcd's configuration file holds durations as counts of nanoseconds.
  parseYamlNumber(value) {
    const nanoseconds = parseInteger(value, { min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER });
    return 'problem' in nanoseconds ? nanoseconds : { value: nanoseconds.value / 1e6 };
  },
};

export function choice<T extends string>(...values: readonly T[]): ValueType<T> {
  return {
    label: values.map((value) => `\`${value}\``).join(' or '),
    parse(value) {
      const found = values.find((one) => one === value);
      return found === undefined ? { problem: `expected ${values.join(' or ')}` } : { value: found };
    },
    format: (value) => value,
  };
}

/** Texts separated by commas; spaces around them do not count, empty ones do not either. */
export const list: ValueType<readonly string[]> = {
  label: 'list',
  parse: (value) => ({
    value: value
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  }),
  format: (value) => value.join(','),
};

export const urls: ValueType<readonly EndpointUrl[]> = {
  label: 'URLs',
  parse: parseUrls,
  format: (value) => value.map((url) => url.text).join(','),
};

/** Web origins, each with scheme, host and port, or `*` for all. */
export const origins: ValueType<readonly string[]> = {
  label: 'origins',
  parse(value) {
    if (value === '*') return { value: ['*'] };
    const parsed = parseUrls(value);
    if ('problem' in parsed) return parsed;
    return parsed.value.length === 0
      ? { problem: 'expected * or origins such as http://example.com:80' }
      : { value: parsed.value.map((url) => url.text) };
  },
  format: (value) => value.join(','),
};

export const gates: ValueType<FeatureGateSettings> = {
  label: 'gates',
  parse: parseFeatureGates,
  format: (value) => [...value].map(([gate, on]) => `${gate}=${on}`).join(','),
};
