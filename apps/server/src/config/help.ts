import { ETCD_VERSION, KONTIKI_VERSION } from '../cluster/version.js';
import type { Flag, FlagGroup } from './flag.js';
import { unsupportedFlags } from './flags/unsupported.js';
import { FLAGS } from './flags.js';

const GROUPS: readonly FlagGroup[] = [
  'Member',
  'Clustering',
  'Security',
  'Auth',
  'Profiling and monitoring',
  'Logging',
  'Tuning',
  'Unsafe',
  'Process',
];

/** The flags of one group, in the order of their table. */
export function flagsByGroup(): readonly (readonly [FlagGroup, readonly (readonly [string, Flag<unknown>])[]])[] {
  const all = Object.entries(FLAGS) as [string, Flag<unknown>][];
  return GROUPS.map((group) => [group, all.filter(([, flag]) => flag.group === group)] as const).filter(
    ([, flags]) => flags.length > 0,
  );
}

export function helpText(): string {
  const lines = [
    'Usage:',
    '',
    '  kontikid [flags]                  start a server',
    '  kontikid --config-file FILE       start a server; other flags and the environment are ignored',
    '  kontikid --version | --help',
    '',
    'A flag may also be given as an environment variable: ETCD_DATA_DIR or KONTIKI_DATA_DIR for --data-dir.',
  ];
  for (const [group, flags] of flagsByGroup()) {
    lines.push('', `${group}:`);
    for (const [name, { byDefault, help }] of flags) lines.push(`  --${name} '${byDefault}'`, `    ${help}.`);
  }
  lines.push('', 'Known from etcd, not supported yet (accepted at their defaults alone):');
  lines.push(...wrap([...unsupportedFlags.keys()].map((name) => `--${name}`)));
  return `${lines.join('\n')}\n`;
}

function wrap(words: readonly string[]): readonly string[] {
  const lines: string[] = [];
  let line = ' ';
  for (const word of words) {
    if (line.length + word.length > 99) {
      lines.push(line);
      line = ' ';
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}

/** What runs the program, as `process` says it. */
export interface Runtime {
  readonly version: string;
  readonly platform: string;
  readonly arch: string;
}

/** The four lines scripts parse from etcd, then our own. Go's names for systems and processors. */
export function versionText(runtime: Runtime): string {
  const os = { win32: 'windows', sunos: 'solaris' }[runtime.platform] ?? runtime.platform;
  const arch = { x64: 'amd64', ia32: '386', loong64: 'loong64' }[runtime.arch] ?? runtime.arch;
  return [
    `etcd Version: ${ETCD_VERSION}`,
    'Git SHA: none (Kontiki keeps the contract of this etcd version)',
    `Go Version: none (Node.js ${runtime.version})`,
    `Go OS/Arch: ${os}/${arch}`,
    `Kontiki Version: ${KONTIKI_VERSION}`,
    '',
  ].join('\n');
}
