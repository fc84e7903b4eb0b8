import { nodeRuntime } from '../observe/process-stats.js';
import { advice, buildOptions } from './build.js';
import { readCommandLine } from './command-line.js';
import { type Environment, readEnvironment } from './environment.js';
import { readConfigFile } from './file.js';
import { helpText, type Runtime, versionText } from './help.js';
import { merge } from './merge.js';
import type { ServerOptions } from './options.js';
import type { Settings, Warning } from './settings.js';
import { validate } from './validate.js';

export type { Environment } from './environment.js';
export type { Warning } from './settings.js';

/** What to do with a command line: run a server, print a text and exit 0, or print one line to stderr and exit 2. */
export type CommandLineOutcome =
  | { readonly kind: 'run'; readonly options: ServerOptions; readonly warnings: readonly Warning[] }
  | { readonly kind: 'print'; readonly text: string }
  | { readonly kind: 'fail'; readonly message: string };

/**
 * Turns what a process was started with into options. Flags win over the environment, but giving both is an error as in
 * etcd; a configuration file replaces them all.
 *
 * @param argv     without the names of node and the program
 * @param readFile the whole file as text; throws what `fs.readFileSync` throws
 */
export function parseCommandLine(
  argv: readonly string[],
  env: Environment,
  readFile: (path: string) => string,
  runtime: Runtime = nodeRuntime,
): CommandLineOutcome {
  const line = readCommandLine(argv);
  if (line.kind === 'help') return { kind: 'print', text: helpText() };
  if (line.kind === 'problem') return fail(line.message);
  if (line.settings.get('version')?.value === true) return { kind: 'print', text: versionText(runtime) };

  const warnings = [...line.warnings];
  const path = configPath(line.settings, env);
  if ('problem' in path) return fail(path.problem);
  if (path.value !== '') return fromFile(path.value, line.settings, env, readFile, warnings);

  const environment = readEnvironment(env, new Set(line.settings.keys()));
  if ('problem' in environment) return fail(environment.problem);
  warnings.push(...environment.warnings);
  return run(new Map([...environment.settings, ...line.settings]), warnings);
}

function configPath(typed: Settings, env: Environment): { readonly value: string } | { readonly problem: string } {
  const flag = typed.get('config-file')?.value as string | undefined;
  if (flag !== undefined && flag !== '') return { value: flag };
  const etcd = env['ETCD_CONFIG_FILE'] ?? '';
  const own = env['KONTIKI_CONFIG_FILE'] ?? '';
  if (etcd !== '' && own !== '' && etcd !== own) {
    return { problem: 'ETCD_CONFIG_FILE and KONTIKI_CONFIG_FILE are both set and differ: unset one of them' };
  }
  return { value: etcd === '' ? own : etcd };
}

function fromFile(
  path: string,
  typed: Settings,
  env: Environment,
  readFile: (path: string) => string,
  warnings: Warning[],
): CommandLineOutcome {
  let content: string;
  try {
    content = readFile(path);
  } catch (error) {
    return fail(`cannot read the configuration file: ${error instanceof Error ? error.message : String(error)}`);
  }
  const file = readConfigFile(content, path);
  if ('problem' in file) return fail(file.problem);
  const ignored = [
    ...[...typed.keys()].filter((name) => name !== 'config-file').map((name) => `--${name}`),
    ...Object.keys(env).filter((name) => /^(ETCD|KONTIKI)_(?!CONFIG_FILE$)/.test(name) && env[name] !== ''),
  ];
  if (ignored.length > 0) {
    warnings.push({
      message:
        'loaded server configuration, other configuration command line flags and environment variables are ignored',
      fields: { path, ignored },
    });
  }
  warnings.push(...file.warnings);
  return run(file.settings, warnings);
}

function run(settings: Settings, warnings: Warning[]): CommandLineOutcome {
  const merged = merge(settings, warnings);
  if ('problem' in merged) return fail(merged.problem);
  const wrong = validate(merged.value);
  if (wrong !== undefined) return fail(wrong);
  const options = buildOptions(merged.value.values);
  return { kind: 'run', options, warnings: [...warnings, ...advice(options)] };
}

function fail(message: string): CommandLineOutcome {
  return { kind: 'fail', message };
}
