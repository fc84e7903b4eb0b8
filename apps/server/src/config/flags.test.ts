import { describe, expect, it } from 'vitest';
import { FEATURE_GATES } from './feature-gates.js';
import type { Flag } from './flag.js';
import { unsupportedFlags } from './flags/unsupported.js';
import { FLAGS, findFlag, flagNames, IGNORED_FLAGS, OLD_GATE_FLAGS, OLD_NAMES, REMOVED_FLAGS } from './flags.js';

const all = [...(Object.entries(FLAGS) as [string, Flag<unknown>][]), ...unsupportedFlags];

describe('the table of flags', () => {
  it.each(all)('--%s has a default of its own type that survives being printed', (_, { type, byDefault }) => {
    const parsed = type.parse(byDefault);
    if ('problem' in parsed) throw new Error(parsed.problem);
    expect(type.parse(type.format(parsed.value))).toEqual(parsed);
  });

  it('names each flag once, and never one that etcd removed', () => {
    const names = flagNames();
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => REMOVED_FLAGS.has(name))).toEqual([]);
  });

  it('leads every old name to a flag or a gate', () => {
    for (const name of OLD_NAMES.keys())
      expect(findFlag(name)).toMatchObject({ kind: 'flag', name: OLD_NAMES.get(name) });
    for (const [name, gate] of OLD_GATE_FLAGS) {
      expect(findFlag(name)).toMatchObject({ kind: 'gate', gate });
      expect(FEATURE_GATES.has(gate)).toBe(true);
    }
    for (const name of IGNORED_FLAGS) expect(findFlag(name)).toEqual({ kind: 'ignored' });
  });

  it('does not take what every object has for a flag', () => {
    for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty'])
      expect(findFlag(name)).toBeUndefined();
  });

  it('writes help as sentences without an end', () => {
    for (const [name, { help }] of all) expect(help, name).toMatch(/^[A-Za-z0-9][^\n]*[^.]$/);
  });
});
