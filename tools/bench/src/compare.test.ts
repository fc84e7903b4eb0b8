import { describe, expect, it } from 'vitest';
import { stepsOf } from './compare.js';
import { loads } from './loads.js';

describe('the order of runs', () => {
  it('alternates the servers and who begins', () => {
    const steps = stepsOf(loads.slice(0, 2), ['kontiki', 'etcd'], 3);
    expect(steps.map(({ run, load, kind }) => `${run} ${load.name} ${kind}`)).toEqual([
      '0 put kontiki',
      '0 put etcd',
      '0 get kontiki',
      '0 get etcd',
      '1 put etcd',
      '1 put kontiki',
      '1 get etcd',
      '1 get kontiki',
      '2 put kontiki',
      '2 put etcd',
      '2 get kontiki',
      '2 get etcd',
    ]);
  });
});
