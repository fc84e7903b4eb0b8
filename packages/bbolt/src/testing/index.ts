/**
 * For tests of what stands on database files: one in memory, and the naive twins of reader and writer.
 *
 * @packageDocumentation
 */

export { MemoryPages } from './memory-pages.js';
export { bytesOf, latin1, linesOf, type NaiveBucket } from './naive-model.js';
export { type NaivePage, readNaively } from './naive-reader.js';
export { metaPage, type NaiveShape, writeNaively } from './naive-writer.js';
