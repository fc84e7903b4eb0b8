import type { Scheduler } from './ports.js';

/** Once this turn of Node's event loop has read what it can from every socket: so that all of it is handled together. */
export const eventLoop: Scheduler = { soon: (callback) => void setImmediate(callback) };
