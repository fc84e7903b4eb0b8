import { NOSPACE } from '../apply/alarms.js';
import { ServerError } from '../errors.js';
import type { Node } from '../node/node.js';

/** rpc.AlarmRequest_AlarmAction.ACTIVATE */
const ACTIVATE = 1;

/**
 * Turns a request away before it enters the log when this member's database has no room for it, and raises the alarm
 * that stops writers everywhere.
 *
 * @param cost bytes the request may add; 0 passes always
 * @throws ServerError NoSpace
 */
export function checkRoom(node: Node, cost: number): void {
  if (cost === 0 || node.quota.admits(cost)) return;
  // Whoever meets the limit next raises it again, should this one not get through.
  node.alarm({ action: ACTIVATE, memberID: node.memberId, alarm: NOSPACE }).catch(() => {});
  throw new ServerError('NoSpace');
}
