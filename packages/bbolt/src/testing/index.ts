/**
 * For tests of what stands on a database file: one in memory.
 *
 * @packageDocumentation
 */

export { MemoryPages } from './memory-pages.js';
