/**
 * A world from a seed, for testing what is distributed or durable: a clock, a network and disks that misbehave on
 * purpose, and the same way every time.
 *
 * @packageDocumentation
 */
export { SimClock } from './clock.js';
export { type DiskOperation, SimDisk } from './disk.js';
export { type FaultKind, type FaultOptions, Faults, type Victim } from './faults.js';
export type { Tear } from './file-contents.js';
export { Life } from './life.js';
export { Machine, type SimProcess } from './machine.js';
export { GOOD_LINK, type LinkQuality, type SendOptions, SimNetwork } from './network.js';
export { between, chance, duration, pick, type Range, shuffle } from './random.js';
export { Timeline } from './timeline.js';
export { type Detail, Trace } from './trace.js';
export { World, type WorldOptions } from './world.js';
