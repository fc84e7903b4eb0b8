/**
 * For tests with leases: a clock driven by hand, and the naive twin the table is checked against.
 *
 * @packageDocumentation
 */
export { ManualClock } from './manual-clock.js';
export { NaiveLeases, type NaiveOptions } from './model.js';
