import type { CallFrame, CpuProfile } from './cpu-profile.js';
import { selfTimes } from './cpu-profile.js';
import { ownerOf } from './owner.js';
import type { Place } from './source-places.js';

/** Where the time of a profile went. */
export interface HotSpots {
  readonly seconds: number;
  /** Waiting for something to do. */
  readonly idleSeconds: number;
  /** Most first; shares of the time that was not idle. */
  readonly owners: readonly { readonly owner: string; readonly share: number }[];
  readonly functions: readonly HotFunction[];
}

export interface HotFunction {
  readonly name: string;
  readonly owner: string;
  /** Of native code: of who called it. */
  readonly place: Place | undefined;
  readonly native: boolean;
  readonly share: number;
}

/** What V8 books outside of any function, and what it is. */
const SPECIAL: Readonly<Record<string, string>> = {
  '(garbage collector)': 'gc',
  '(program)': 'native outside of JavaScript',
  '(root)': 'native outside of JavaScript',
};

/**
 * Native code (sockets, LevelDB's binding, the crypto of Node) counts for who called it.
 *
 * @param placeOf where a frame with a url was written
 */
export function hotSpots(profile: CpuProfile, placeOf: (frame: CallFrame) => Place): HotSpots {
  const owners = new Map<string, number>();
  const functions = new Map<string, { spot: Omit<HotFunction, 'share'>; micros: number }>();
  let idle = 0;
  let busy = 0;
  for (const { frame, sourced, micros } of selfTimes(profile)) {
    if (frame.functionName === '(idle)') {
      idle += micros;
      continue;
    }
    busy += micros;
    const place = sourced && placeOf(sourced);
    const special = frame.url === '' ? SPECIAL[frame.functionName] : undefined;
    const owner = special ?? (place === undefined ? 'other' : ownerOf(place.file));
    owners.set(owner, (owners.get(owner) ?? 0) + micros);
    const native = frame.url === '' && special === undefined;
    const spot = { name: frame.functionName || '(anonymous)', owner, place: special ? undefined : place, native };
    const key = [spot.name, owner, native, native ? '' : place?.file, native ? '' : place?.line].join('\n');
    const known = functions.get(key);
    if (known === undefined) functions.set(key, { spot, micros });
    else known.micros += micros;
  }
  const share = (micros: number): number => (busy === 0 ? 0 : micros / busy);
  return {
    seconds: (profile.endTime - profile.startTime) / 1e6,
    idleSeconds: idle / 1e6,
    owners: [...owners].map(([owner, micros]) => ({ owner, share: share(micros) })).sort(byShare),
    functions: [...functions.values()].map(({ spot, micros }) => ({ ...spot, share: share(micros) })).sort(byShare),
  };
}

function byShare(a: { readonly share: number }, b: { readonly share: number }): number {
  return b.share - a.share;
}
