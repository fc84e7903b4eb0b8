/**
 * The ports of `@kontiki/std` over Node: real time, real randomness, the real disk.
 *
 * @packageDocumentation
 */
export { nodeFileSystem } from './adapters/node-file-system.js';
export { systemClock } from './adapters/system-clock.js';
export { systemRandom } from './adapters/system-random.js';
