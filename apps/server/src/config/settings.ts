import { findFlag, type KnownFlag } from './flags.js';
import type { Parsed } from './parsed.js';

/** Where a value came from, in the words of an error message: `flag -name`, `ETCD_NAME`, `"name" in kontiki.yml`. */
export type Origin = string;

/** One value somebody gave, checked against the type of its flag. */
export interface Setting {
  /** As it was written: an old name stays old here. */
  readonly name: string;
  readonly known: Exclude<KnownFlag, { kind: 'ignored' }>;
  readonly value: unknown;
  readonly origin: Origin;
}

/** By the name that was written; one source gives a name at most one value. */
export type Settings = Map<string, Setting>;

/** Something worth a line in the log, once there is one. */
export interface Warning {
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/**
 * Checks one value and notes it; what etcd ignores is noted as a warning.
 * @param yamlNumber the text is a plain number of a YAML file
 * @returns what is wrong, or undefined
 */
export function note(
  name: string,
  text: string,
  origin: Origin,
  into: { readonly settings: Settings; readonly warnings: Warning[] },
  yamlNumber = false,
): string | undefined {
  const known = findFlag(name);
  if (known === undefined) return `${name} is not a known flag`;
  if (known.kind === 'ignored') {
    into.warnings.push({ message: 'flag is no longer supported, ignoring it', fields: { flag: name } });
    return undefined;
  }
  const { type } = known.flag;
  const parsed: Parsed<unknown> =
    yamlNumber && type.parseYamlNumber !== undefined ? type.parseYamlNumber(text) : type.parse(text);
  if ('problem' in parsed) return `invalid value "${printable(text)}" for ${origin}: ${parsed.problem}`;
  into.settings.set(name, { name, known, value: parsed.value, origin });
  return undefined;
}

/** One line, of bounded length, whatever somebody typed. */
export function printable(text: string): string {
  const escaped = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"');
  return escaped.length > 200 ? `${escaped.slice(0, 200)}...` : escaped;
}
