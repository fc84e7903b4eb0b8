/**
 * What every Kontiki package shares: ports to the world (clock, random, files, logs, metrics) and a few structures.
 * This door runs anywhere; the adapters for Node are behind `@kontiki/std/node`.
 *
 * @packageDocumentation
 */
export { AssertionError, assert, unreachable } from './assert.js';
export { compare, concat, copy, EMPTY, equals, fromLatin1, prefixEnd, printable, toLatin1 } from './bytes.js';
export type { Clock, Timer } from './clock.js';
export { crc32c } from './crc32c.js';
export { Deferred } from './deferred.js';
export { type DirectoryLock, DirectoryLockedError, type File, type FileSystem } from './file-system.js';
export { Heap } from './heap.js';
export { IntervalTree } from './interval-tree.js';
export { type LogFields, type Logger, silentLogger } from './logger.js';
export {
  type Counter,
  type Gauge,
  type Histogram,
  silentCounter,
  silentGauge,
  silentHistogram,
} from './metrics.js';
export { type Random, SeededRandom } from './random.js';
export { Watermark } from './watermark.js';
