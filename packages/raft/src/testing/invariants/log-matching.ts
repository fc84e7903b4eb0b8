import { assert } from '@kontiki/std';
import type { Invariant, MemberView } from './invariant.js';

/** Two logs that have an entry of the same index and term are the same up to there (§5.3, figure 3). */
export class LogMatching implements Invariant {
  readonly name = 'log matching';

  check(members: readonly MemberView[]): void {
    for (let a = 0; a < members.length; a++) {
      for (let b = a + 1; b < members.length; b++) compare(members[a]!, members[b]!);
    }
  }
}

function compare(a: MemberView, b: MemberView): void {
  let matching = false;
  for (let index = Math.min(a.last, b.last); index >= Math.max(a.first, b.first); index--) {
    const left = a.entry(index);
    const right = b.entry(index);
    if (left.term !== right.term) {
      assert(!matching, `${a.id} and ${b.id} agree after ${index} but have terms ${left.term}, ${right.term} there`);
      continue;
    }
    matching = true;
    const equal = left.kind === right.kind && same(left.data, right.data);
    assert(equal, `${a.id} and ${b.id} differ at ${index} in term ${left.term}`);
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
