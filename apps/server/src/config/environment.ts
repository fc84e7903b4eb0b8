import { envName, flagNames } from './flags.js';
import { nearest } from './nearest.js';
import { note, type Settings, type Warning } from './settings.js';

export type Environment = Readonly<Record<string, string | undefined>>;

export type FromEnvironment =
  | { readonly settings: Settings; readonly warnings: readonly Warning[] }
  | { readonly problem: string };

const PREFIXES = ['ETCD', 'KONTIKI'] as const;

/** Asked for on the command line alone. */
const NEVER = new Set(['version', 'help']);

/**
 * Reads `ETCD_NAME` and `KONTIKI_NAME` for every flag. An empty variable counts as absent, as in etcd.
 *
 * @param typed names given on the command line: a variable for one of them is a conflict
 */
export function readEnvironment(env: Environment, typed: ReadonlySet<string>): FromEnvironment {
  const settings: Settings = new Map();
  const warnings: Warning[] = [];
  const seen = new Set<string>();
  for (const name of flagNames()) {
    if (NEVER.has(name)) continue;
    const given = PREFIXES.map((prefix) => envName(prefix, name)).filter((variable) => (env[variable] ?? '') !== '');
    for (const variable of given) seen.add(variable);
    const [variable, other] = given;
    if (variable === undefined) continue;
    if (typed.has(name)) {
      return {
        problem: `conflicting environment variable ${variable} is shadowed by corresponding command-line flag --${name} (either unset environment variable or disable flag)`,
      };
    }
    if (other !== undefined && env[variable] !== env[other]) {
      return { problem: `${variable} and ${other} are both set and differ: unset one of them` };
    }
    const wrong = note(name, env[variable]!, variable, { settings, warnings });
    if (wrong !== undefined) return { problem: wrong };
  }
  for (const variable of Object.keys(env).sort()) {
    if (/^(ETCD|KONTIKI)_/.test(variable) && !seen.has(variable)) warnings.push(unrecognized(variable));
  }
  return { settings, warnings };
}

function unrecognized(variable: string): Warning {
  const prefix = variable.startsWith('ETCD_') ? 'ETCD' : 'KONTIKI';
  const names = flagNames()
    .filter((name) => !NEVER.has(name))
    .map((name) => envName(prefix, name));
  const meant = nearest(variable, names);
  return {
    message: 'unrecognized environment variable',
    fields: {
      'environment-variable': variable,
      ...(meant === undefined || meant === variable ? {} : { 'did-you-mean': meant }),
    },
  };
}
