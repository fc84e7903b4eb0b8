/**
 * For tests of what stands on this package, and of backends for it.
 *
 * @packageDocumentation
 */
export { type BackendCase, type BackendPlace, backendSuite } from './backend-suite.js';
export { ManualClock } from './manual-clock.js';
export { type Logged, NaiveStore } from './model.js';
