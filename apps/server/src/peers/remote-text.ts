import { errors } from '@kontiki/proto';
import type { Condition } from '../errors.js';

/** What members say to each other in other words than to clients. */
const BETWEEN_MEMBERS: ReadonlyMap<string, Condition> = new Map<string, Condition>([
  ['membership: ID not found', 'MemberNotFound'],
  ['membership: can only promote a learner member', 'MemberNotLearner'],
  ['mvcc: required revision has been compacted', 'Compacted'],
  ['mvcc: required revision is a future revision', 'FutureRev'],
]);

const NAMES: ReadonlyMap<Condition, string> = new Map([...BETWEEN_MEMBERS].map(([text, name]) => [name, text]));

/** The condition that another member's refusal is about, given as a plain line or as `{"message": …}`; undefined: none known. */
export function conditionIn(text: string): Condition | undefined {
  const line = messageOf(text) ?? text.trim();
  if (/^member .* not found in cluster$/.test(line)) return 'MemberNotFound';
  return BETWEEN_MEMBERS.get(line) ?? errors.rpcErrorOf(line)?.name;
}

/** The text of a condition as members say it to each other. */
export function textBetweenMembers(condition: Condition): string {
  return NAMES.get(condition) ?? errors.rpcError(condition).message;
}

function messageOf(text: string): string | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    const { message } = JSON.parse(text) as { readonly message?: unknown };
    return typeof message === 'string' ? message : undefined;
  } catch {
    // Then it is a line that happens to begin so.
    return undefined;
  }
}
