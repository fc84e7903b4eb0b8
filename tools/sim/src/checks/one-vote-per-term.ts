import type { Message, NodeId } from '@kontiki/raft';
import { assert } from '@kontiki/std';
import type { LogMirror } from '../log-mirror.js';

/** A member gives its vote of a term to one candidate only, restarts included (§5.2), and the vote is on its disk first. */
export class OneVotePerTerm {
  readonly name = 'one vote per term';
  /** By `member/term`. */
  readonly #votes: Map<string, NodeId> = new Map();

  sent(message: Message, mirror: LogMirror): void {
    const { type, from, to, term } = message;
    if (type === 'vote') this.#vote(from, term, from, mirror);
    else if (type === 'voteReply' && !message.reject) this.#vote(from, term, to, mirror);
  }

  #vote(voter: NodeId, term: number, candidate: NodeId, mirror: LogMirror): void {
    const key = `${voter}/${term}`;
    const before = this.#votes.get(key) ?? candidate;
    assert(before === candidate, `${voter} voted for ${before} and for ${candidate} in term ${term}`);
    this.#votes.set(key, candidate);
    const { hardState } = mirror.durable;
    assert(
      hardState.term > term || (hardState.term === term && hardState.vote === candidate),
      `${voter} tells of its vote for ${candidate} in term ${term}, but its disk holds term ${hardState.term}, vote ${hardState.vote}`,
    );
  }
}
