/**
 * Moves deadlines apart until no second holds more than `perSecond` of them. A new primary gives all leases time at
 * once; unspread, they would also end at once, and their revokes would crowd out everything else.
 *
 * @param deadlines  milliseconds, ascending
 * @returns as many, ascending, each as early as the rule allows and none earlier than it was:
 *   any half-open window of one second contains at most `perSecond`
 */
export function spread(deadlines: readonly number[], perSecond: number): number[] {
  const moved: number[] = [];
  for (const [i, deadline] of deadlines.entries()) {
    const earliest = i < perSecond ? deadline : moved[i - perSecond]! + 1000;
    moved.push(Math.max(deadline, earliest));
  }
  return moved;
}
