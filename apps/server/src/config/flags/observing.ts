import { type FlagTable, flag } from '../flag.js';
import type { LogLevel } from '../options.js';
import type { EndpointUrl } from '../urls.js';
import * as type from '../value-types.js';

export interface ObservingFlags {
  readonly metrics: 'basic' | 'extensive';
  readonly 'listen-metrics-urls': readonly EndpointUrl[];
  readonly cors: readonly string[];
  readonly 'host-whitelist': readonly string[];
  readonly logger: 'zap';
  readonly 'log-outputs': readonly string[];
  readonly 'log-level': LogLevel;
  readonly 'log-format': 'json' | 'console';
  readonly 'enable-log-rotation': boolean;
  readonly 'log-rotation-config-json': string;
  readonly 'warning-unary-request-duration': number;
}

export const observingFlags: FlagTable<ObservingFlags> = {
  metrics: flag(
    'Profiling and monitoring',
    type.choice('basic', 'extensive'),
    'basic',
    '3.4',
    'extensive adds the histogram of gRPC handling times',
  ),
  'listen-metrics-urls': flag(
    'Profiling and monitoring',
    type.urls,
    '',
    '3.4',
    'Where /metrics and the health checks are served besides the client URLs',
  ),
  cors: flag('Security', type.origins, '*', '3.4', 'Origins that browsers may call from; * for all'),
  'host-whitelist': flag(
    'Security',
    type.list,
    '*',
    '3.4',
    'Host names accepted in plaintext HTTP requests; * for all',
  ),
  logger: flag('Logging', type.choice('zap'), 'zap', '3.4', 'The shape of log lines; there is one'),
  'log-outputs': flag(
    'Logging',
    type.list,
    'default',
    '3.4',
    'Where log lines go: stdout, stderr, files, several of them; default is stderr',
  ),
  'log-level': flag(
    'Logging',
    type.choice('debug', 'info', 'warn', 'error', 'panic', 'fatal'),
    'info',
    '3.4',
    'The least serious lines that are written',
  ),
  'log-format': flag(
    'Logging',
    type.choice('json', 'console'),
    'json',
    '3.6',
    'One JSON object a line, or columns for people',
  ),
  'enable-log-rotation': flag('Logging', type.boolean, 'false', '3.5', 'Rotate the one file that --log-outputs names'),
  'log-rotation-config-json': flag(
    'Logging',
    type.text,
    '{"maxsize": 100, "maxage": 0, "maxbackups": 0, "localtime": false, "compress": false}',
    '3.5',
    'When to rotate (maxsize in MiB), what to keep (maxage in days, maxbackups, 0 for all), local time in names, gzip',
  ),
  'warning-unary-request-duration': flag(
    'Logging',
    type.duration,
    '300ms',
    '3.6',
    'Unary calls that take longer are logged',
  ),
};
