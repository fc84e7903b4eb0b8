import { formatDuration, parseDuration } from './duration.js';
import { resolveFeatureGates } from './feature-gates.js';
import type { FlagValues } from './flags.js';
import { parseInteger } from './integer.js';
import type { Merged } from './merge.js';
import type { CompactionOptions, LogOutput, LogRotationOptions } from './options.js';
import type { Parsed } from './parsed.js';
import { bindProblem, type EndpointUrl } from './urls.js';

const HOUR_MS = 3_600_000;
const MAX_ELECTION_MS = 50_000;

/** The first thing that is wrong between flags that are each well formed, in etcd's words where etcd has some. */
export function validate({ values, given }: Merged): string | undefined {
  return (
    urlProblem(values) ??
    (given.has('listen-client-urls') && !given.has('advertise-client-urls')
      ? '--advertise-client-urls is required when --listen-client-urls is set explicitly'
      : undefined) ??
    timeProblem(values) ??
    problemOf(resolveFeatureGates(values['feature-gates'])) ??
    problemOf(compactionPolicy(values['auto-compaction-mode'], values['auto-compaction-retention'])) ??
    problemOf(logOutputs(values['log-outputs'])) ??
    problemOf(logRotation(values))
  );
}

function problemOf(parsed: Parsed<unknown>): string | undefined {
  return 'problem' in parsed ? parsed.problem : undefined;
}

function urlProblem(values: FlagValues): string | undefined {
  const required = [
    'listen-peer-urls',
    'listen-client-urls',
    'initial-advertise-peer-urls',
    'advertise-client-urls',
  ] as const;
  for (const name of required) {
    if (values[name].length === 0) return `--${name} needs at least one URL`;
  }
  const bound = ['listen-peer-urls', 'listen-client-urls', 'listen-client-http-urls', 'listen-metrics-urls'] as const;
  for (const name of bound) {
    const problem = bindProblem(values[name]);
    if (problem !== undefined) return problem;
    const secure = values[name].find((url) => url.scheme === 'https' || url.scheme === 'unixs');
    if (secure !== undefined) return `--${name}=${secure.text} is not supported yet by Kontiki (TLS is not built yet)`;
  }
  for (const name of ['initial-advertise-peer-urls', 'advertise-client-urls'] as const) {
    const empty = values[name].find((url) => url.kind === 'tcp' && url.host === '');
    if (empty !== undefined) {
      return `--${name} "${values[name].map((url) => url.text).join(',')}" must be "host:port" (unexpected empty host (${empty.text}))`;
    }
  }
  const twice = values['listen-client-http-urls'].find((url) =>
    values['listen-client-urls'].some((other) => sameAddress(url, other)),
  );
  return twice === undefined
    ? undefined
    : `cannot bind both --listen-client-urls and --listen-client-http-urls on the same url ${twice.text}`;
}

function sameAddress(a: EndpointUrl, b: EndpointUrl): boolean {
  if (a.kind === 'unix' || b.kind === 'unix') return a.kind === b.kind && a.text === b.text;
  return a.host === b.host && a.port === b.port && a.port !== 0;
}

function timeProblem(values: FlagValues): string | undefined {
  const heartbeatMs = values['heartbeat-interval'];
  const electionMs = values['election-timeout'];
  if (heartbeatMs === 0) return '--heartbeat-interval must be >0 (set to 0ms)';
  if (electionMs === 0) return '--election-timeout must be >0 (set to 0ms)';
  if (5 * heartbeatMs > electionMs) {
    return `--election-timeout[${electionMs}ms] should be at least as 5 times as --heartbeat-interval[${heartbeatMs}ms]`;
  }
  if (electionMs > MAX_ELECTION_MS) {
    return `--election-timeout[${electionMs}ms] is too long, and should be set less than ${MAX_ELECTION_MS}ms`;
  }
  for (const name of ['compact-hash-check-time', 'watch-progress-notify-interval'] as const) {
    if (values[name] <= 0) return `--${name} must be >0 (set to ${formatDuration(values[name])})`;
  }
  const notNegative = [
    'backend-batch-interval',
    'grpc-keepalive-min-time',
    'grpc-keepalive-interval',
    'grpc-keepalive-timeout',
    'warning-unary-request-duration',
    'warning-apply-duration',
    'compaction-sleep-interval',
    'corrupt-check-time',
  ] as const;
  for (const name of notNegative) {
    if (values[name] < 0) return `--${name} must not be negative (set to ${formatDuration(values[name])})`;
  }
  return undefined;
}

/** A bare number counts hours in periodic mode and revisions in revision mode. */
export function compactionPolicy(
  mode: FlagValues['auto-compaction-mode'],
  retention: string,
): Parsed<CompactionOptions['policy']> {
  const number = parseInteger(retention, { min: 0, max: Number.MAX_SAFE_INTEGER });
  if ('value' in number) {
    if (number.value === 0) return { value: { mode: 'off' } };
    return mode === 'revision'
      ? { value: { mode, revisions: number.value } }
      : { value: { mode, periodMs: number.value * HOUR_MS } };
  }
  const expected = `invalid value "${retention}" for --auto-compaction-retention: expected`;
  if (mode === 'revision') return { problem: `${expected} a number of revisions in revision mode` };
  const periodMs = parseDuration(retention);
  if (periodMs === undefined || periodMs < 0) return { problem: `${expected} hours, or a duration such as 30m` };
  return { value: periodMs === 0 ? { mode: 'off' } : { mode, periodMs } };
}

export function logOutputs(names: readonly string[]): Parsed<readonly LogOutput[]> {
  if (names.length === 0) return { problem: '--log-outputs needs at least one output' };
  const outputs = new Map<string, LogOutput>();
  for (const name of names) {
    if (name === 'default' && names.length > 1) {
      return { problem: 'multi logoutput for "default" is not supported yet: name stderr instead' };
    }
    if (name === 'systemd/journal') {
      return {
        problem: '--log-outputs=systemd/journal is not supported by Kontiki: under systemd, stderr is the journal',
      };
    }
    if (name === 'stdout') outputs.set(name, { kind: 'stdout' });
    else if (name === 'default' || name === 'stderr') outputs.set('stderr', { kind: 'stderr' });
    else outputs.set(name, { kind: 'file', path: name });
  }
  return { value: [...outputs.values()] };
}

/** Undefined when rotation is off. */
export function logRotation(values: FlagValues): Parsed<LogRotationOptions | undefined> {
  if (!values['enable-log-rotation']) return { value: undefined };
  const outputs = logOutputs(values['log-outputs']);
  if ('problem' in outputs) return outputs;
  if (outputs.value.length !== 1 || outputs.value[0]?.kind !== 'file') {
    return { problem: '--enable-log-rotation needs --log-outputs to be a single file path' };
  }
  const text = values['log-rotation-config-json'];
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch {
    return { problem: `improperly formatted log rotation config: ${text} is not JSON` };
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    return { problem: 'invalid log rotation config: expected a JSON object' };
  }
  const numbers = { maxsize: 100, maxage: 0, maxbackups: 0 };
  const switches = { localtime: false, compress: false };
  for (const [key, value] of Object.entries(config)) {
    if (Object.hasOwn(numbers, key)) {
      if (!Number.isSafeInteger(value) || (value as number) < 0) {
        return { problem: `invalid log rotation config: ${key} must be a whole number of at least 0` };
      }
      numbers[key as keyof typeof numbers] = value as number;
    } else if (Object.hasOwn(switches, key)) {
      if (typeof value !== 'boolean') return { problem: `invalid log rotation config: ${key} must be true or false` };
      switches[key as keyof typeof switches] = value;
    } else {
      return { problem: `invalid log rotation config: unknown key ${key}` };
    }
  }
  return {
    value: {
      // 0 means the default here too, as etcd's library has it.
      maxMegabytes: numbers.maxsize === 0 ? 100 : numbers.maxsize,
      maxAgeDays: numbers.maxage,
      maxBackups: numbers.maxbackups,
      localTime: switches.localtime,
      compress: switches.compress,
    },
  };
}
