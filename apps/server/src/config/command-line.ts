import { findFlag, flagNames, REMOVED_FLAGS } from './flags.js';
import { nearest } from './nearest.js';
import { note, printable, type Settings, type Warning } from './settings.js';

export type CommandLine =
  | { readonly kind: 'flags'; readonly settings: Settings; readonly warnings: readonly Warning[] }
  | { readonly kind: 'help' }
  | { readonly kind: 'problem'; readonly message: string };

/**
 * Reads arguments by the rules of Go's flag package: `-x` and `--x` are the same; `--x=v`, `--x v`; a boolean alone is
 * true and takes a value only behind `=`; the last of several wins; `--` or the first argument without a dash ends the
 * flags. Anything behind the flags is a mistake.
 *
 * @param args without the program's name
 */
export function readCommandLine(args: readonly string[]): CommandLine {
  const settings: Settings = new Map();
  const warnings: Warning[] = [];
  let at = 0;
  for (; at < args.length; at++) {
    const arg = args[at]!;
    if (arg === '--') {
      at++;
      break;
    }
    if (!arg.startsWith('-') || arg === '-') break;
    const body = arg.slice(arg.startsWith('--') ? 2 : 1);
    if (body === '' || body.startsWith('-') || body.startsWith('='))
      return problem(`bad flag syntax: ${printable(arg)}`);
    const equals = body.indexOf('=');
    const name = equals < 0 ? body : body.slice(0, equals);
    let value = equals < 0 ? undefined : body.slice(equals + 1);
    if (name === 'help' || name === 'h') return { kind: 'help' };
    const known = findFlag(name);
    if (known === undefined) return problem(unknownFlag(name));
    if (value === undefined) {
      const bare = known.kind === 'ignored' ? '' : known.flag.type.bare;
      if (bare !== undefined) value = bare;
      else if (at + 1 < args.length) value = args[++at]!;
      else return problem(`flag needs an argument: -${name}`);
    }
    const wrong = note(name, value, `flag -${name}`, { settings, warnings });
    if (wrong !== undefined) return problem(wrong);
  }
  const extra = args[at];
  if (extra !== undefined) return problem(leftover(extra, args[at - 1]));
  return { kind: 'flags', settings, warnings };
}

function problem(message: string): CommandLine {
  return { kind: 'problem', message };
}

function unknownFlag(name: string): string {
  const message = `flag provided but not defined: -${printable(name)}`;
  const removed = REMOVED_FLAGS.get(name);
  if (removed !== undefined) return `${message} (etcd removed it in ${removed})`;
  const meant = nearest(name, flagNames());
  return meant === undefined ? `${message} (see --help)` : `${message} (did you mean --${meant}?)`;
}

function leftover(extra: string, before: string | undefined): string {
  const message = `'${printable(extra)}' is not a valid flag`;
  if (extra === 'gateway' || extra === 'grpc-proxy') return `${message}: Kontiki has no sub-program ${extra}`;
  const name = before?.replace(/^--?/, '') ?? '';
  const known = findFlag(name);
  const isBoolean = known !== undefined && known.kind !== 'ignored' && known.flag.type.bare !== undefined;
  return isBoolean ? `${message}: a boolean takes its value behind =, as in --${name}=${printable(extra)}` : message;
}
