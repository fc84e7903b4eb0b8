import type { ValueType } from './value-types.js';

export type FlagGroup =
  | 'Member'
  | 'Clustering'
  | 'Security'
  | 'Auth'
  | 'Profiling and monitoring'
  | 'Logging'
  | 'Tuning'
  | 'Unsafe'
  | 'Process';

/** One flag: the source of the command line, the environment, the configuration file, `--help` and the reference. */
export interface Flag<T> {
  readonly type: ValueType<T>;
  /** As it would be typed. */
  readonly byDefault: string;
  readonly group: FlagGroup;
  /** One or two sentences, without a full stop at the end. */
  readonly help: string;
  /** First etcd line that has it under this name. */
  readonly since: '3.4' | '3.5' | '3.6';
  /** Set when only the default is accepted: what is missing. */
  readonly unsupported?: string;
}

/** Flag name (without dashes) to its description. */
export type FlagTable<Values> = { readonly [Name in keyof Values]: Flag<Values[Name]> };

export function flag<T>(
  group: FlagGroup,
  type: ValueType<T>,
  byDefault: string,
  since: Flag<T>['since'],
  help: string,
): Flag<T> {
  return { type, byDefault, group, help, since };
}
