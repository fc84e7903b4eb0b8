import { isMap, isScalar, isSeq, LineCounter, type Pair, parseDocument, type YAMLMap } from 'yaml';
import { findFlag, flagNames, REMOVED_FLAGS } from './flags.js';
import { nearest } from './nearest.js';
import { note, type Origin, printable, type Settings, type Warning } from './settings.js';

export type FromFile =
  | { readonly settings: Settings; readonly warnings: readonly Warning[] }
  | { readonly problem: string };

/** Blocks of the file and the flags their keys stand for. */
const BLOCKS: ReadonlyMap<string, ReadonlyMap<string, string>> = new Map([
  [
    'client-transport-security',
    new Map([
      ['cert-file', 'cert-file'],
      ['key-file', 'key-file'],
      ['client-cert-file', 'client-cert-file'],
      ['client-key-file', 'client-key-file'],
      ['client-cert-auth', 'client-cert-auth'],
      ['trusted-ca-file', 'trusted-ca-file'],
      ['auto-tls', 'auto-tls'],
      ['allowed-hostname', 'client-cert-allowed-hostname'],
    ]),
  ],
  [
    'peer-transport-security',
    new Map([
      ['cert-file', 'peer-cert-file'],
      ['key-file', 'peer-key-file'],
      ['client-cert-file', 'peer-client-cert-file'],
      ['client-key-file', 'peer-client-key-file'],
      ['client-cert-auth', 'peer-client-cert-auth'],
      ['trusted-ca-file', 'peer-trusted-ca-file'],
      ['auto-tls', 'peer-auto-tls'],
      ['allowed-cn', 'peer-cert-allowed-cn'],
      ['allowed-hostname', 'peer-cert-allowed-hostname'],
      ['skip-client-san-verification', 'peer-skip-client-san-verification'],
    ]),
  ],
  [
    'socket-options',
    new Map([
      ['reuse-port', 'socket-reuse-port'],
      ['reuse-address', 'socket-reuse-address'],
    ]),
  ],
]);

/** A file larger than this is not a configuration. */
const MAX_CHARACTERS = 1 << 20;

/**
 * Reads a YAML configuration: keys are flag names, lists may stand for values separated by commas, durations are whole
 * nanoseconds (as in etcd) or text with a unit. An unknown key is a mistake, a key without a value is absent.
 *
 * @param path for messages
 */
export function readConfigFile(content: string, path: string): FromFile {
  if (content.length > MAX_CHARACTERS) return { problem: `${path} is too large for a configuration file` };
  const lines = new LineCounter();
  const document = parseDocument(content, { lineCounter: lines, prettyErrors: false });
  const broken = document.errors[0];
  if (broken !== undefined)
    return { problem: `${path}:${lines.linePos(broken.pos[0]).line}: ${firstLine(broken.message)}` };
  if (document.contents === null) return { settings: new Map(), warnings: [] };
  if (!isMap(document.contents)) return { problem: `${path}: expected keys and values` };
  return new Reader(path, lines).read(document.contents);
}

class Reader {
  readonly #settings: Settings = new Map();
  readonly #warnings: Warning[] = [];
  readonly #path: string;
  readonly #lines: LineCounter;

  constructor(path: string, lines: LineCounter) {
    this.#path = path;
    this.#lines = lines;
  }

  read(top: YAMLMap): FromFile {
    for (const pair of top.items) {
      const key = keyOf(pair);
      const wrong = this.#pair(key, pair);
      if (wrong !== undefined) return { problem: wrong };
    }
    return { settings: this.#settings, warnings: this.#warnings };
  }

  #pair(key: string, pair: Pair): string | undefined {
    const block = BLOCKS.get(key) ?? (key === 'discovery-config' ? new Map<string, string>() : undefined);
    if (block !== undefined) return this.#block(key, block, pair);
    if (key === 'config-file' || key === 'version' || key === 'help') {
      return `${this.#at(pair)}: ${key} has no place in a configuration file`;
    }
    if (findFlag(key) === undefined) {
      const removed = REMOVED_FLAGS.get(key);
      // Old sample files carry them at their defaults; etcd passes over them without a word.
      if (removed === undefined) return this.#unknown(key, flagNames(), pair);
      this.#warnings.push({ message: 'etcd removed this key, ignoring it', fields: { key, 'removed-in': removed } });
      return undefined;
    }
    return this.#value(key, `"${key}" in ${this.#at(pair)}`, pair);
  }

  #block(name: string, keys: ReadonlyMap<string, string>, block: Pair): string | undefined {
    if (isScalar(block.value) && block.value.value === null) return undefined;
    if (!isMap(block.value)) return `${this.#at(block)}: expected keys and values under ${name}`;
    for (const pair of block.value.items) {
      const key = keyOf(pair);
      if (name === 'discovery-config') {
        return `${this.#at(block)}: ${name} is not supported yet by Kontiki (discovery of members is not built yet)`;
      }
      const flag = keys.get(key);
      if (flag === undefined) return this.#unknown(key, keys.keys(), pair);
      const wrong = this.#value(flag, `"${name}.${key}" in ${this.#at(pair)}`, pair);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }

  #value(flag: string, origin: Origin, pair: Pair): string | undefined {
    const into = { settings: this.#settings, warnings: this.#warnings };
    const node = pair.value;
    if (node === null || (isScalar(node) && node.value === null)) return undefined;
    if (isScalar(node)) return note(flag, scalarText(node), origin, into, typeof node.value === 'number');
    if (isSeq(node) && node.items.every((item) => isScalar(item))) {
      const parts = node.items.map((item) => (isScalar(item) ? scalarText(item) : ''));
      return note(flag, parts.join(','), origin, into);
    }
    return `invalid value for ${origin}: expected one value or a list of values`;
  }

  #unknown(key: string, known: Iterable<string>, pair: Pair): string {
    const meant = nearest(key, known);
    const hint = meant === undefined ? '' : ` (did you mean ${meant}?)`;
    return `${this.#at(pair)}: unknown key "${printable(key)}"${hint}`;
  }

  #at(pair: Pair): string {
    const range = (pair.key as { range?: readonly number[] } | null)?.range;
    return range === undefined ? this.#path : `${this.#path}:${this.#lines.linePos(range[0]!).line}`;
  }
}

function keyOf(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
}

/** As it stands in the file: a name such as `007` or `1e3` is not a number to us. */
function scalarText(node: { readonly value: unknown; readonly source?: string }): string {
  return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value));
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!;
}
