/**
 * Leases: who holds what until when. {@link LeaseTable} decides, without a clock of its own; {@link Lessor} lets time
 * pass over it.
 *
 * @packageDocumentation
 */

export { Lessor, type LessorOptions } from './driver/lessor.js';
export { LeaseError, type LeaseErrorCode } from './errors.js';
export { LeaseTable, type LeaseTableOptions, MAX_TTL_SECONDS } from './lease-table.js';
export type { Lease, LeaseCheckpoint, LeaseId } from './types.js';
