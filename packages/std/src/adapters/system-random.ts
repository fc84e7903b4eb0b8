import { randomBytes, randomInt } from 'node:crypto';
import type { Random } from '../random.js';

/** The operating system's randomness. */
export const systemRandom: Random = {
  int: (below: number) => randomInt(below),
  bits64: () => randomBytes(8).readBigUInt64BE(),
};
