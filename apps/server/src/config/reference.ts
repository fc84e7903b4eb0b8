import { FEATURE_GATES } from './feature-gates.js';
import type { Flag } from './flag.js';
import { unsupportedFlags } from './flags/unsupported.js';
import { IGNORED_FLAGS, OLD_GATE_FLAGS, OLD_NAMES } from './flags.js';
import { flagsByGroup } from './help.js';

/** docs/reference/flags.md, from the same table as the program. */
export function flagsReference(): string {
  return `${[
    '# Flags of kontikid',
    '',
    '<!-- Generated from apps/server/src/config: change the table there, then run `vitest -u`. -->',
    '',
    'Kontiki takes the flags of etcd 3.6. A flag that asks for something Kontiki does not have yet is refused, never ignored.',
    '',
    '## How to give them',
    '',
    '- On the command line, by the rules of Go programs: `-x` is `--x`; `--x=v` or `--x v`; a boolean alone is true and takes a value only behind `=`; the last of several wins; anything that is not a flag is an error.',
    '- In the environment: `ETCD_DATA_DIR` or `KONTIKI_DATA_DIR` for `--data-dir`. A flag together with its variable is an error, and so are two variables that differ. An empty variable is no variable. A variable that belongs to no flag is logged.',
    '- In a YAML file named by `--config-file` (or `ETCD_CONFIG_FILE`, `KONTIKI_CONFIG_FILE`): keys are flag names, and then nothing else counts. Durations are nanoseconds or text with a unit, lists may be YAML lists. TLS options stand in `client-transport-security:` and `peer-transport-security:`, socket options in `socket-options:`. An unknown key is an error.',
    '',
    'A mistake in any of them ends the program with one line on stderr and exit code 2.',
    '',
    'Durations are Go durations: `300ms`, `1.5s`, `1h30m`. Integers may be written as `0x10` or `1_000`. Lists and URLs are separated by commas. URLs are `http://host:port` or `unix://path`; what is listened on is an IP address or `localhost`.',
    ...flagsByGroup().flatMap(([group, flags]) => ['', `## ${group}`, '', ...table(flags)]),
    '',
    '## Feature gates',
    '',
    'Set by `--feature-gates=Name=true,Other=false`; `AllAlpha` and `AllBeta` stand for all gates of a stage.',
    '',
    '| Gate | Stage | Default | May be set to | Meaning |',
    '|---|---|---|---|---|',
    ...[...FEATURE_GATES].map(
      ([gate, { stage, byDefault, supported, meaning }]) =>
        `| ${gate} | ${stage.toLowerCase()} | ${byDefault} | ${supported.join(', ')} | ${meaning} |`,
    ),
    '',
    '## Not supported yet',
    '',
    'These are accepted at their defaults alone.',
    '',
    '| Flag | Default | Since etcd | What is missing |',
    '|---|---|---|---|',
    ...[...unsupportedFlags].map(
      ([name, { byDefault, since, help }]) => `| \`--${name}\` | ${code(byDefault)} | ${since} | ${help} |`,
    ),
    '',
    '## Old names',
    '',
    'Accepted, with a line in the log; an old name together with the name of today is an error.',
    '',
    '| Old | Today |',
    '|---|---|',
    ...[...OLD_NAMES].map(([old, today]) => `| \`--${old}\` | \`--${today}\` |`),
    ...[...OLD_GATE_FLAGS].map(([old, gate]) => `| \`--${old}\` | \`--feature-gates=${gate}=true\` |`),
    '',
    `Ignored, as in etcd, with a line in the log: ${[...IGNORED_FLAGS].map((name) => `\`--${name}\``).join(', ')}.`,
  ].join('\n')}\n`;
}

function table(flags: readonly (readonly [string, Flag<unknown>])[]): readonly string[] {
  return [
    '| Flag | Type | Default | Since etcd | Meaning |',
    '|---|---|---|---|---|',
    ...flags.map(
      ([name, { type, byDefault, since, help }]) =>
        `| \`--${name}\` | ${type.label} | ${code(byDefault)} | ${since} | ${help} |`,
    ),
  ];
}

function code(text: string): string {
  return text === '' ? '(empty)' : `\`${text}\``;
}
