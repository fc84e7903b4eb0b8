import { expect, it } from 'vitest';
import { flagsReference } from './reference.js';

it('keeps docs/reference/flags.md current (`vitest -u` rewrites it)', async () => {
  await expect(flagsReference()).toMatchFileSnapshot('../../../../docs/reference/flags.md');
});
