/**
 * For tests of what stands on a disk: one in memory that loses power, fills up, fails and rots on demand, from a seed.
 *
 * @packageDocumentation
 */

export { cutOff, failNth, flipBit, scramble, zero } from './damage.js';
export type { Tear } from './memory-file.js';
export { type Hook, MemoryFileSystem, type Operation } from './memory-file-system.js';
