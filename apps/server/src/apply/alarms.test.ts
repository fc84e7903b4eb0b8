import type { rpc } from '@kontiki/proto';
import { describe, expect, it } from 'vitest';
import { Alarms, CORRUPT, NOSPACE } from './alarms.js';

function rig(saved: rpc.AlarmMember[] = []) {
  const stored: rpc.AlarmMember[] = [...saved];
  const alarms = new Alarms(
    {
      save: (alarm) => stored.push(alarm),
      remove: (alarm) => stored.splice(stored.indexOf(alarm), 1),
    },
    saved,
  );
  return { alarms, stored };
}

describe('Alarms', () => {
  it('raises once, lowers once, and stores both', () => {
    const { alarms, stored } = rig();
    expect(alarms.activate(1n, NOSPACE)).toEqual({ memberID: 1n, alarm: NOSPACE });
    alarms.activate(1n, NOSPACE);
    expect(stored).toHaveLength(1);
    expect(alarms.has(NOSPACE)).toBe(true);
    expect(alarms.has(CORRUPT)).toBe(false);
    expect(alarms.deactivate(2n, NOSPACE)).toBeUndefined();
    expect(alarms.deactivate(1n, NOSPACE)).toEqual({ memberID: 1n, alarm: NOSPACE });
    expect(alarms.deactivate(1n, NOSPACE)).toBeUndefined();
    expect(stored).toEqual([]);
    expect(alarms.has(NOSPACE)).toBe(false);
  });

  it('holds one per member and kind, listed by kind', () => {
    const { alarms } = rig([{ memberID: 2n, alarm: CORRUPT }]);
    alarms.activate(1n, NOSPACE);
    alarms.activate(2n, NOSPACE);
    expect(alarms.list(0).map(({ memberID, alarm }) => [memberID, alarm])).toEqual([
      [1n, NOSPACE],
      [2n, NOSPACE],
      [2n, CORRUPT],
    ]);
    expect(alarms.list(CORRUPT)).toHaveLength(1);
    alarms.deactivate(1n, NOSPACE);
    expect(alarms.has(NOSPACE)).toBe(true);
  });
});
