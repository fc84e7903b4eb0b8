/**
 * A segmented, checksummed, append-only log in etcd's record framing. It stores typed byte strings in order, survives
 * power cuts, and tells an interrupted write from damage. It knows nothing of what the records mean.
 *
 * @packageDocumentation
 */

export { WalError, type WalErrorCode, type WalErrorOptions } from './errors.js';
export type { WalRecord } from './frame.js';
// For authors of tools that read or write the files themselves.
export { CRC_TYPE } from './frame.js';
export type { WalOptions } from './options.js';
export type { LogCount } from './reader.js';
export type { Repair } from './repair.js';
export type { Segment } from './segment-name.js';
export { parseSegment } from './segment-name.js';
export { type CreateOptions, type OpenedWal, type OpenOptions, Wal } from './wal.js';
export type { AppendOptions } from './writer.js';
