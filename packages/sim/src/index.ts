/**
 * A world from a seed, for testing what is distributed or durable: a clock, a network and disks that misbehave on
 * purpose, and the same way every time.
 *
 * @packageDocumentation
 */
export {
  checkLinearizable,
  type LinearizableOptions,
  type LinearizableResult,
  type Model,
} from './check/linearizable.js';
export { type RegisterInput, type RegisterOutput, registerModel } from './check/register.js';
export {
  checkWatch,
  type WatchAnswer,
  type WatchCommit,
  type WatchEvent,
  type WatchSession,
  type WatchTrace,
  type WatchViolation,
} from './check/watch.js';
export { SimClock } from './clock.js';
export { type DiskOperation, SimDisk } from './disk.js';
export { type FaultKind, type FaultOptions, Faults, type Victim } from './faults.js';
export type { Tear } from './file-contents.js';
export { History, type OpenCall, type Operation } from './history.js';
export { Life } from './life.js';
export { Machine, type SimProcess } from './machine.js';
export { GOOD_LINK, type LinkQuality, type SendOptions, SimNetwork } from './network.js';
export { between, chance, duration, pick, type Range, shuffle } from './random.js';
export { Timeline } from './timeline.js';
export { type Detail, Trace } from './trace.js';
export { World, type WorldOptions } from './world.js';
