import { assert } from '@kontiki/std';
import type { FeatureGateSettings } from './feature-gates.js';
import { FLAGS, type FlagName, type FlagValues } from './flags.js';
import type { Parsed } from './parsed.js';
import type { Setting, Settings, Warning } from './settings.js';

/** Every flag with its value, given or default, and which of them were given. */
export interface Merged {
  readonly values: FlagValues;
  readonly given: ReadonlySet<FlagName>;
}

/**
 * Brings old names home, refuses what this server cannot do, fills in defaults.
 *
 * @param warnings gets a line for every old name in use
 */
export function merge(settings: Settings, warnings: Warning[]): Parsed<Merged> {
  const values = new Map<string, unknown>();
  const given = new Set<FlagName>();
  const gates = new Map<string, boolean>();
  for (const setting of settings.values()) {
    const problem = unsupported(setting) ?? clash(setting, settings);
    if (problem !== undefined) return { problem };
    const { known, name, value } = setting;
    if (known.kind === 'gate') {
      gates.set(known.gate, value as boolean);
      warnings.push(deprecated(name, `--feature-gates=${known.gate}=${String(value)}`));
      continue;
    }
    if (name !== known.name) warnings.push(deprecated(name, `--${known.name}`));
    if (known.flag.unsupported !== undefined) continue;
    values.set(known.name, value);
    given.add(known.name as FlagName);
  }
  const whole: Record<string, unknown> = {};
  for (const name of Object.keys(FLAGS) as FlagName[]) {
    whole[name] = values.has(name) ? values.get(name) : defaultOf(name);
  }
  const named = whole['feature-gates'] as FeatureGateSettings;
  whole['feature-gates'] = new Map([...named, ...gates]);
  return { value: { values: whole as unknown as FlagValues, given } };
}

function defaultOf(name: FlagName): unknown {
  const parsed = FLAGS[name].type.parse(FLAGS[name].byDefault);
  assert('value' in parsed, `the default of --${name} is a value`);
  return parsed.value;
}

function unsupported({ known, origin, name, value }: Setting): string | undefined {
  if (known.kind !== 'flag' || known.flag.unsupported === undefined) return undefined;
  const { type, byDefault, unsupported: missing } = known.flag;
  const usual = type.parse(byDefault);
  if ('value' in usual && type.format(usual.value) === type.format(value)) return undefined;
  const from = origin.startsWith('flag ') ? '' : `${origin}: `;
  return `${from}--${name} is not supported yet by Kontiki (${missing})`;
}

/** One thing said twice, by its old name and by its new one. */
function clash({ known, name }: Setting, settings: Settings): string | undefined {
  if (known.kind === 'gate') {
    const named = settings.get('feature-gates')?.value as FeatureGateSettings | undefined;
    return named?.has(known.gate) === true ? both(name, `feature-gates=${known.gate}`) : undefined;
  }
  return name !== known.name && settings.has(known.name) ? both(name, known.name) : undefined;
}

function both(old: string, today: string): string {
  return `cannot set --${old} and --${today} at the same time, please use --${today} only`;
}

function deprecated(old: string, today: string): Warning {
  return { message: `--${old} is an old name, use ${today}`, fields: { flag: old } };
}
