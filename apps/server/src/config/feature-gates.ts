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
      meaning: 'compare data with the other members before serving, and do not start when it differs',
    },
  ],
  [
    'CompactHashCheck',
    {
      stage: 'ALPHA',
      byDefault: false,
      supported: [false, true],
      meaning: 'the leader compares the hashes of compactions between members; a difference raises the alarm CORRUPT',
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
    {
      stage: 'ALPHA',
      byDefault: false,
      supported: [false, true],
      meaning:
        'tell the other members now and then how long leases have left, so that a new leader need not begin anew',
    },
  ],
  [
    'LeaseCheckpointPersist',
    {
      stage: 'ALPHA',
      byDefault: false,
      supported: [false, true],
      meaning: 'keep that across restarts; requires LeaseCheckpoint',
    },
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
  const wanted = new Map<FeatureGate, boolean>();
  for (const [gate, spec] of FEATURE_GATES) {
    wanted.set(gate, settings.get(gate) ?? settings.get(bulkOf(spec)) ?? spec.byDefault);
  }
  if (wanted.get('LeaseCheckpointPersist') === true && wanted.get('LeaseCheckpoint') !== true) {
    return { problem: 'enabling feature gate LeaseCheckpointPersist requires enabling feature gate LeaseCheckpoint' };
  }
  for (const [gate, on] of wanted) {
    const spec = FEATURE_GATES.get(gate)!;
    if (spec.supported.includes(on)) continue;
    const by = settings.has(gate) ? `${gate}=${on}` : `${bulkOf(spec)}=${on}`;
    return { problem: `--feature-gates=${by}: ${gate}=${on} is not supported yet by Kontiki` };
  }
  return { value: wanted };
}

function bulkOf(spec: FeatureGateSpec): string {
  return [...BULK].find(([, stage]) => stage === spec.stage)![0];
}
