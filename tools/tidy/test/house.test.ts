import { describe, expect, it } from 'vitest';
import { format } from '../src/finding.js';
import { type House, readHouse } from '../src/house.js';
import { cycles } from '../src/rules/cycles.js';
import { doors } from '../src/rules/doors.js';
import { leaves } from '../src/rules/leaves.js';
import { places } from '../src/rules/places.js';
import { world } from '../src/rules/world.js';

describe('the house is tidy', () => {
  let house: House;
  const read = (): House => (house ??= readHouse());

  it('is read at all', () => {
    expect(read().sources.length).toBeGreaterThan(100);
    expect([...read().manifests.keys()]).toContain('packages/std');
  });

  const rules = {
    'packages are leaves, apps are the tree': leaves,
    'no file imports itself by a detour': cycles,
    'every package has its doors and no other way in': doors,
    'only drivers and adapters touch the world': world,
    'nothing names a path of one machine': places,
  };
  for (const [promise, rule] of Object.entries(rules)) {
    it(promise, () => expect(rule(read()).map(format)).toEqual([]));
  }
});
