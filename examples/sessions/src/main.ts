import { LeaseTable, Lessor } from '@kontiki/lease';
import type { Clock } from '@kontiki/std';
import { systemClock } from '@kontiki/std/node';

/** Sessions that expire; `onEnd` hears which belongings went with one. */
export class Sessions {
  readonly #clock: Clock;
  readonly #table = new LeaseTable({ minTtlSeconds: 1 });
  readonly #lessor: Lessor;
  #nextId = 1n;

  constructor(clock: Clock, onEnd: (belongings: readonly string[]) => void) {
    this.#clock = clock;
    this.#lessor = new Lessor({
      table: this.#table,
      clock,
      checkMs: 100,
      onExpired: async (id) => onEnd(this.#table.revoke(id)),
    });
    // There is nobody else who could be primary.
    this.#lessor.promote(0);
  }

  begin(ttlSeconds: number): bigint {
    return this.#table.grant(this.#nextId++, ttlSeconds, this.#clock.monotonic()).id;
  }

  own(session: bigint, belonging: string): void {
    this.#table.attach(session, belonging);
  }

  /** The owner was heard of: its time begins anew. */
  heard(session: bigint): Promise<number> {
    return this.#lessor.renew(session);
  }

  stop(): Promise<void> {
    return this.#lessor.stop();
  }
}

/** Two visitors; only one of them comes back in time. */
export async function run(
  clock: Clock,
  sleep: (ms: number) => Promise<void>,
  say: (line: string) => void,
): Promise<void> {
  const sessions = new Sessions(clock, (belongings) => say(`gone: ${belongings.join(', ')}`));
  const ann = sessions.begin(1);
  const bob = sessions.begin(1);
  sessions.own(ann, 'basket of ann');
  sessions.own(bob, 'basket of bob');
  sessions.own(bob, 'draft of bob');
  for (let i = 0; i < 4; i++) {
    await sleep(500);
    await sessions.heard(ann);
  }
  say('ann is still here');
  await sessions.stop();
}

if (process.argv[1] === import.meta.filename) {
  await run(systemClock, (ms) => new Promise((resolve) => setTimeout(resolve, ms)), console.log);
}
