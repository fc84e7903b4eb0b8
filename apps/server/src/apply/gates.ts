import { ServerError } from '../errors.js';
import { type Alarms, CORRUPT, NOSPACE } from './alarms.js';
import { costOfTxn } from './quota.js';
import type { Request } from './request.js';

/**
 * One rule a request passes before its handler runs: returns, or throws the error the request is answered with.
 * Gates look only at replicated state, so every member decides alike.
 */
export type Gate = (request: Request, state: { readonly alarms: Alarms }) => void;

/** While a member's data differs from the others', nothing that writes keys or leases goes on. */
const corrupt: Gate = (request, { alarms }) => {
  if (!alarms.has(CORRUPT)) return;
  if (
    request.put !== undefined ||
    request.deleteRange !== undefined ||
    request.txn !== undefined ||
    request.compaction !== undefined ||
    request.leaseGrant !== undefined ||
    request.leaseRevoke !== undefined
  ) {
    throw new ServerError('Corrupt');
  }
};

/** While a database is full, nothing that makes it grow goes on. */
const noSpace: Gate = (request, { alarms }) => {
  if (!alarms.has(NOSPACE)) return;
  if (
    request.put !== undefined ||
    request.leaseGrant !== undefined ||
    (request.txn !== undefined && costOfTxn(request.txn) > 0)
  ) {
    throw new ServerError('NoSpace');
  }
};

/** In the order they are asked. */
export const gates: readonly Gate[] = [corrupt, noSpace];
