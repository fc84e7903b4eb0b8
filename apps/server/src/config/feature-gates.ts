import type { Parsed } from './parsed.js';

export type FeatureGate =
  | 'StopGRPCServiceOnDefrag'
  | 'InitialCorruptCheck'
  | 'CompactHashCheck'
  | 'TxnModeWriteWithSharedBuffer'
  | 'LeaseCheckpoint'
  | 'LeaseCheckpointPersist'
  | 'SetMemberLocalAddr';

export interface FeatureGateSpec {
  readonly stage: 'ALPHA' | 'BETA';
  readonly byDefault: boolean;
  /** The settings this server can keep. */
  readonly supported: readonly boolean[];
  readonly meaning: string;
}

export const FEATURE_GATES: ReadonlyMap<FeatureGate, FeatureGateSpec> = new Map<FeatureGate, FeatureGateSpec>([
  [
    'StopGRPCServiceOnDefrag',
    { stage: 'ALPHA', byDefault: false, supported: [false], meaning: 'report NOT_SERVING while defragmenting' },
  ],
  [
    'InitialCorruptCheck',
    {
      stage: 'ALPHA',
      byDefault: false,
      supported: [false, true],
      meaning: 'compare data with the other members before serving; a single member has none to compare with',
    },
  ],
  [
    'CompactHashCheck',
    {
      stage: 'ALPHA',
      byDefault: false,
      supported: [false, true],
      meaning: 'compare hashes of compacted data between members; a single member has none to compare with',
    },
  ],
  [
    'TxnModeWriteWithSharedBuffer',
    {
      stage: 'BETA',
      byDefault: true,
      supported: [false, true],
      meaning: 'how the reads inside a writing transaction are buffered; no difference can be observed',
    },
  ],
  [
    'LeaseCheckpoint',
    { stage: 'ALPHA', byDefault: false, supported: [false], meaning: 'replicate how long leases have left' },
  ],
  [
    'LeaseCheckpointPersist',
    { stage: 'ALPHA', byDefault: false, supported: [false], meaning: 'keep that across restarts' },
  ],
  [
    'SetMemberLocalAddr',
    { stage: 'ALPHA', byDefault: false, supported: [false], meaning: 'dial peers from the advertised address' },
  ],
]);

/** What `--feature-gates` says: `Name=true,Name2=false`, with `AllAlpha` and `AllBeta` for all of a stage. */
export type FeatureGateSettings = ReadonlyMap<string, boolean>;

const BULK: ReadonlyMap<string, FeatureGateSpec['stage']> = new Map([
  ['AllAlpha', 'ALPHA'],
  ['AllBeta', 'BETA'],
]);

export function parseFeatureGates(text: string): Parsed<FeatureGateSettings> {
  const settings = new Map<string, boolean>();
  for (const part of text.split(',').map((piece) => piece.trim())) {
    if (part === '') continue;
    const [name = '', value] = part.split('=', 2).map((piece) => piece.trim());
    if (!BULK.has(name) && !FEATURE_GATES.has(name as FeatureGate)) {
      const names = [...FEATURE_GATES.keys(), ...BULK.keys()].join(', ');
      return { problem: `unrecognized feature gate: ${name}, expected one of ${names}` };
    }
    if (value === undefined)
      return { problem: `missing bool value for ${name}, expected ${name}=true or ${name}=false` };
    if (value !== 'true' && value !== 'false') {
      return { problem: `invalid value of ${name}: ${value}, expected true or false` };
    }
    settings.set(name, value === 'true');
  }
  return { value: settings };
}

/**
 * Every gate's setting: its own, else that of its stage, else the default.
 * A setting this server cannot keep is a problem, not a wish.
 */
export function resolveFeatureGates(settings: FeatureGateSettings): Parsed<ReadonlyMap<FeatureGate, boolean>> {
  const resolved = new Map<FeatureGate, boolean>();
  for (const [gate, spec] of FEATURE_GATES) {
    const bulk = [...BULK].find(([, stage]) => stage === spec.stage)?.[0] ?? '';
    // `AllAlpha=false` means "as they are": it turns nothing off that is on by default.
    const on = settings.get(gate) ?? (settings.get(bulk) === true || spec.byDefault);
    if (!spec.supported.includes(on)) {
      const by = settings.has(gate) ? `${gate}=${on}` : `${bulk}=true`;
      return { problem: `--feature-gates=${by}: ${gate} is not supported yet by Kontiki` };
    }
    resolved.set(gate, on);
  }
  if (resolved.get('LeaseCheckpointPersist') === true && resolved.get('LeaseCheckpoint') !== true) {
    return { problem: 'enabling feature gate LeaseCheckpointPersist requires enabling feature gate LeaseCheckpoint' };
  }
  return { value: resolved };
}
