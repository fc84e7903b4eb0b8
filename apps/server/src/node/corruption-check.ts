import type { Clock, Logger, Timer } from '@kontiki/std';
import { hexId } from '../cluster/member-id.js';
import { compareHashes, type HashVote, type Verdict } from './corruption-check-verdict.js';

/** A hash of history, as the store gives it. */
export interface LocalHash {
  readonly hash: number;
  readonly compactRevision: number;
  /** The revision it goes up to. */
  readonly hashRevision: number;
}

/** A hash of history, as another member gives it. */
export interface PeerHash {
  readonly hash: number;
  readonly compactRevision: number;
  /** That member's current revision. */
  readonly revision: number;
}

export interface CorruptionCheckPorts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly memberId: bigint;
  /** The other members, those without a vote included. */
  peers(): readonly bigint[];
  /** Of this member's history; 0: up to the current revision. */
  hash(revision: number): Promise<LocalHash>;
  /** The same of another member. Must settle; rejects when it cannot be asked or cannot say. */
  peerHash(id: bigint, revision: number): Promise<PeerHash>;
  /** Hashes remembered of this member's latest compactions, by revision. */
  compactionHashes(): readonly LocalHash[];
  /** Resolves once all that was committed when it was called is applied here; rejects when this member does not lead. */
  barrier(): Promise<void>;
  /** This member's current revision. */
  revision(): number;
  /** Raises the alarm CORRUPT of a member, 0 for the whole cluster. */
  raiseAlarm(memberId: bigint): Promise<unknown>;
}

export interface CorruptionCheckOptions {
  /** How often the leader compares whole histories; 0: never. */
  readonly everyMs: number;
  /** How often the leader compares hashes of compactions; 0: never. */
  readonly compactionsEveryMs: number;
}

/** A difference must be there twice, so far apart: an alarm stops the cluster's writes, and must not come from a race. */
const CONFIRM_AFTER_MS = 1000;

/** This member's data is not that of the others: it must not serve. */
export class CorruptDataError extends Error {
  override readonly name = 'CorruptDataError';
}

/** Hashes of one revision, asked of everybody, and what they say. */
interface Round {
  readonly revision: number;
  readonly verdict: Verdict;
  /** Members that have more history than the leader: it cannot have come from the log. */
  readonly ahead: readonly bigint[];
  readonly asked: number;
}

/** Compares this member's data with that of the others: before it serves, and again and again while it leads. */
export class CorruptionCheck {
  readonly #ports: CorruptionCheckPorts;
  readonly #options: CorruptionCheckOptions;
  readonly #timers: Timer[] = [];
  /** Rises with every start and stop: a check of an earlier one raises nothing any more. */
  #turn = 0;
  readonly #running = new Set<string>();
  /** What ends the pauses before time. */
  readonly #pauses = new Set<() => void>();
  /** Compactions up to here were compared with all members. */
  #compactionsChecked = 0;

  constructor(ports: CorruptionCheckPorts, options: CorruptionCheckOptions) {
    this.#ports = ports;
    this.#options = options;
  }

  /**
   * Compares once with whoever can be asked; those who cannot say nothing against this member.
   * @throws CorruptDataError when histories differ
   */
  async initial(): Promise<void> {
    const { logger, memberId } = this.#ports;
    logger.info('comparing data with the other members before serving', { 'local-member-id': hexId(memberId) });
    const compare = async (): Promise<Verdict> => {
      const own = await this.#ports.hash(0);
      return compareHashes(this.#vote(own), await this.#votes(own.hashRevision), this.#ports.peers().length + 1);
    };
    let verdict = await compare();
    if (verdict.differ) {
      await this.#pause();
      verdict = await compare();
    }
    if (verdict.differ) {
      throw new CorruptDataError(
        `${hexId(memberId)} found data inconsistency with peers: its history differs from theirs. ` +
          'Remove the member, and add it anew with an empty data directory',
      );
    }
    logger.info('the data of this member is that of the others', { compared: verdict.compared });
  }

  /** On the leader: begins to compare on schedule. */
  start(): void {
    this.stop();
    const { clock } = this.#ports;
    const { everyMs, compactionsEveryMs } = this.#options;
    if (everyMs > 0) this.#timers.push(clock.every(everyMs, () => void this.#run('history', () => this.#histories())));
    if (compactionsEveryMs > 0) {
      this.#timers.push(
        clock.every(compactionsEveryMs, () => void this.#run('compactions', () => this.#compactions())),
      );
    }
  }

  stop(): void {
    this.#turn++;
    for (const timer of this.#timers.splice(0)) timer.cancel();
    for (const end of this.#pauses) end();
  }

  /** One of a kind at a time: hashing takes as long as there is data. */
  async #run(kind: string, check: () => Promise<void>): Promise<void> {
    if (this.#running.has(kind)) return;
    this.#running.add(kind);
    try {
      await check();
    } catch (error) {
      this.#ports.logger.warn('failed to compare data with the other members', { kind, error: String(error) });
    } finally {
      this.#running.delete(kind);
    }
  }

  async #histories(): Promise<void> {
    const turn = this.#turn;
    const round = async (): Promise<Round> => {
      const own = await this.#ports.hash(0);
      const votes = await this.#votes(own.hashRevision, true);
      // From here on this member has all that they had when they answered.
      await this.#ports.barrier();
      const revision = this.#ports.revision();
      return {
        revision: own.hashRevision,
        verdict: compareHashes(this.#vote(own), votes, this.#ports.peers().length + 1),
        ahead: votes.filter((vote) => vote.revision > revision).map(({ id }) => id),
        asked: this.#ports.peers().length,
      };
    };
    let found = await round();
    if (suspicious(found)) {
      await this.#pause();
      if (turn !== this.#turn) return;
      found = await round();
    }
    if (turn !== this.#turn) return;
    if (suspicious(found)) await this.#alarm('found data inconsistency between members', found);
    else this.#log('data is alike on all members that could be compared', found);
  }

  /** The latest compaction first: where all agree on it, they agreed before. */
  async #compactions(): Promise<void> {
    const turn = this.#turn;
    const hashes = this.#ports.compactionHashes().filter(({ hashRevision }) => hashRevision > this.#compactionsChecked);
    for (const own of [...hashes].sort((a, b) => b.hashRevision - a.hashRevision)) {
      const round = async (): Promise<Round> => ({
        revision: own.hashRevision,
        verdict: compareHashes(this.#vote(own), await this.#votes(own.hashRevision), this.#ports.peers().length + 1),
        ahead: [],
        asked: this.#ports.peers().length,
      });
      let found = await round();
      if (found.asked === 0) return;
      if (found.verdict.differ) {
        await this.#pause();
        if (turn !== this.#turn) return;
        found = await round();
      }
      if (turn !== this.#turn) return;
      const { differ, compared } = found.verdict;
      if (differ) await this.#alarm('found different data compacted between members', found);
      else if (compared < found.asked) continue;
      else this.#log('compacted data is alike on all members', found);
      this.#compactionsChecked = own.hashRevision;
      return;
    }
  }

  #vote({ hash, compactRevision }: LocalHash): HashVote {
    return { id: this.#ports.memberId, hash, compactRevision };
  }

  /** @param patient members that cannot say are asked once more: a follower is often a moment behind its leader */
  async #votes(revision: number, patient = false): Promise<readonly (HashVote & PeerHash)[]> {
    const votes = new Map<bigint, HashVote & PeerHash>();
    const ask = async (id: bigint, last: boolean): Promise<void> => {
      try {
        votes.set(id, { id, ...(await this.#ports.peerHash(id, revision)) });
      } catch (error) {
        // A member that is down, slow, or ahead of us by a compaction is not a corrupt one.
        if (last) this.#cannotCompare(id, revision, error);
      }
    };
    await Promise.all(this.#ports.peers().map((id) => ask(id, !patient)));
    const silent = this.#ports.peers().filter((id) => !votes.has(id));
    if (patient && silent.length > 0) {
      await this.#pause();
      await Promise.all(silent.map((id) => ask(id, true)));
    }
    return [...votes.values()];
  }

  #cannotCompare(id: bigint, revision: number, error: unknown): void {
    this.#ports.logger.warn('cannot compare data with a member', {
      'remote-member-id': hexId(id),
      revision,
      error: String(error),
    });
  }

  async #alarm(message: string, { revision, verdict, ahead }: Round): Promise<void> {
    const corrupt = [...new Set([...verdict.corrupt, ...ahead])];
    this.#ports.logger.error(message, { revision, 'corrupt-member-ids': corrupt.map(hexId) });
    for (const id of corrupt) await this.#ports.raiseAlarm(id);
  }

  #log(message: string, { revision, verdict, asked }: Round): void {
    this.#ports.logger.info(message, { revision, compared: verdict.compared, peers: asked });
  }

  /** Ends early when the checks are stopped. */
  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel();
        this.#pauses.delete(end);
        resolve();
      };
      const timer = this.#ports.clock.after(CONFIRM_AFTER_MS, end);
      this.#pauses.add(end);
    });
  }
}

function suspicious({ verdict, ahead }: Round): boolean {
  return verdict.differ || ahead.length > 0;
}
