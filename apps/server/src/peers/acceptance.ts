import type { Message } from '@kontiki/raft';
import type { PeerContext } from './context.js';

/**
 * - `removed`: the sender is no member any more; what it says must not disturb those who are
 * - `mismatch`: it was meant for another member
 * - `forged`: it does not come from whom it says
 */
export type Rejection = 'removed' | 'mismatch' | 'forged';

/** These are passed on by members who do not lead, in the name of who asked; a transfer names who shall lead. */
const PASSED_ON: ReadonlySet<Message['type']> = new Set(['propose', 'readIndex', 'transferLeader']);

/**
 * Whether raft may see the message.
 *
 * @param peer whose stream it came on; undefined when it came alone
 */
export function rejectionOf(
  message: Message,
  peer: bigint | undefined,
  { events, identity }: PeerContext,
): Rejection | undefined {
  if (events.isRemoved(message.from)) return 'removed';
  if (message.to !== identity.memberId) return 'mismatch';
  if (message.from === 0n) return 'forged';
  if (peer !== undefined && message.from !== peer && !PASSED_ON.has(message.type)) return 'forged';
  return undefined;
}
