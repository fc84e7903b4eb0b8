import { History, type RegisterInput, type RegisterOutput } from '@kontiki/sim';
import type { Attempt, Read, Snapshot } from '../../../crash/src/index.js';
import { judge, shorten } from './errors.js';

/** A revision somebody was told of, by which life of which member. */
export interface Sighting {
  readonly member: string;
  readonly incarnation: number;
  readonly calledAt: number;
  readonly returnedAt: number;
  readonly revision: number;
}

/** Who leads, as a member said. */
export interface LeaderSighting {
  readonly member: string;
  readonly term: number;
  readonly leader: bigint;
}

/** A lease of the load, with what is known of its end. */
export interface LoadLease {
  readonly id: bigint;
  readonly ttlSeconds: number;
  /** When the last renewal (or the grant) that was answered had been called. */
  renewedAt: number;
  /** It is known to be gone, with its keys. */
  over: boolean;
}

/** Everything the clients of one stretch of load saw; the next stretch begins with what this one left. */
export class LoadRecord {
  /** The state this stretch began with. */
  readonly base: Snapshot;
  /** Those of this stretch, behind those of earlier ones whose outcome is still unknown. */
  readonly attempts: Attempt[];
  readonly #inherited: number;
  readonly reads: Read[] = [];
  readonly serializable: Read[] = [];
  readonly sightings: Sighting[] = [];
  /** Of all stretches so far. */
  readonly leaders: LeaderSighting[];
  readonly leases: LoadLease[];
  readonly registers: History<RegisterInput, RegisterOutput> = new History();
  /** What was asked of registers with no answer: it may happen in a later stretch. */
  readonly openInputs: RegisterInput[] = [];
  /** Calls that failed, by text. */
  readonly errors: Map<string, number>;
  /** Failures nobody is told to expect. */
  readonly faults: string[] = [];

  /**
   * @param before  the stretch that ended at `base`
   * @param written every value its log has: those writes are known to have happened
   */
  constructor(base: Snapshot, before?: LoadRecord, written?: ReadonlySet<string>) {
    this.base = base;
    // A write of unknown outcome that has not happened yet may still do so.
    this.attempts = (before?.attempts ?? []).filter(
      ({ write, outcome }) =>
        outcome.kind === 'unknown' && !valuesOf(write).some((value) => written?.has(value) === true),
    );
    this.#inherited = this.attempts.length;
    this.leases = (before?.leases ?? []).filter(({ over }) => !over);
    this.leaders = before?.leaders ?? [];
    this.errors = before?.errors ?? new Map();
    for (const [key, { value }] of base.entries) {
      if (!isRegister(key)) continue;
      this.registers.call(-1, { kind: 'put', key, value }).returned({ kind: 'done' });
    }
    for (const input of before?.openInputs ?? []) {
      if (input.kind === 'get' || written?.has(input.value) === true) continue;
      this.openInputs.push(input);
      this.registers.call(-1, input);
    }
  }

  /** One clock for all clients: they are in one process. Milliseconds. */
  now(): number {
    return performance.now();
  }

  /** A member said who leads; what is known already is not kept twice. */
  seeLeader(sighting: LeaderSighting): void {
    const { term, leader } = sighting;
    if (!this.leaders.some((known) => known.term === term && known.leader === leader)) this.leaders.push(sighting);
  }

  /** Counts a failure. @returns whether the call may have taken effect */
  fail(what: string, code: number, details: string): 'refused' | 'unknown' {
    const outcome = judge(details);
    const text = shorten(details);
    this.errors.set(text, (this.errors.get(text) ?? 0) + 1);
    if (outcome === undefined) this.faults.push(`${what}: ${details} (code ${code})`);
    return outcome ?? 'unknown';
  }

  /** What the lease machinery may still do by itself: a revocation each, not before the lease has run out. */
  expiries(): Attempt[] {
    return this.leases.map(({ id, renewedAt, ttlSeconds }) => ({
      write: { kind: 'revoke', lease: id },
      calledAt: renewedAt + ttlSeconds * 1_000,
      returnedAt: Number.POSITIVE_INFINITY,
      outcome: { kind: 'unknown' },
    }));
  }

  /** How many writes of this stretch ended so. */
  count(kind: Attempt['outcome']['kind']): number {
    return this.attempts.slice(this.#inherited).filter(({ outcome }) => outcome.kind === kind).length;
  }
}

/** The few keys everybody writes. */
export function isRegister(key: string): boolean {
  return key.startsWith('r/');
}

function valuesOf(write: Attempt['write']): string[] {
  if (write.kind === 'put') return [write.value];
  return write.kind === 'txn' ? write.puts.map(({ value }) => value) : [];
}
