import { expect, it } from 'vitest';
import { metricsReference } from './reference.js';

it('keeps docs/reference/metrics.md current (`vitest -u` rewrites it)', async () => {
  await expect(metricsReference()).toMatchFileSnapshot('../../../../docs/reference/metrics.md');
});
