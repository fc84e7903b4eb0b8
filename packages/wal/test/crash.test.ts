/**
 * Any history of appends, cuts, releases, kills and power cuts, against a twin that is an array: what is found after
 * each crash is a prefix of what was appended, holds everything acknowledged as synced, and can be added to.
 */
import { SeededRandom } from '@kontiki/std';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Wal, WalError, type WalRecord } from '../src/index.js';
import { MemoryFileSystem, type Tear } from '../src/testing/index.js';
import { collect, options } from './support.js';

const HEAD = 1;
const BODY = 2;

type Step =
  | { readonly kind: 'append'; readonly sizes: readonly number[]; readonly sync: boolean; readonly wait: boolean }
  | { readonly kind: 'settle' }
  | { readonly kind: 'release'; readonly behind: number }
  | { readonly kind: 'verify' }
  | { readonly kind: 'reopen' }
  | { readonly kind: 'kill'; readonly after: number }
  | { readonly kind: 'power cut'; readonly after: number; readonly tear: Tear; readonly seed: number };

const size = fc.oneof(fc.nat({ max: 60 }), fc.nat({ max: 1500 }));
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      sizes: fc.array(size, { maxLength: 4 }),
      sync: fc.boolean(),
      wait: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('settle' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('release' as const), behind: fc.nat({ max: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('verify' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('kill' as const), after: fc.nat({ max: 12 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('power cut' as const),
      after: fc.nat({ max: 25 }),
      tear: fc.constantFrom<Tear[]>('any', 'lost', 'kept', 'bytes', 'sectors'),
      seed: fc.nat(),
    }),
  },
);

/** Says its number, then fills up: zeros, ones, or anything. */
function bodyOf(number: number, size: number): WalRecord {
  const data = Buffer.alloc(4 + size, [0, 1, number * 37][number % 3]);
  data.writeUInt32LE(number);
  return { type: BODY, data };
}

class History {
  disk = new MemoryFileSystem();
  /** The twin: all records that may be there, by number. */
  appended: WalRecord[] = [];
  /** So many of them must be there. */
  safe = 0;
  /** So many of the first need not be there any more. */
  released = 0;
  wal!: Wal;
  #pending: Promise<void>[] = [];
  #crash: ((disk: MemoryFileSystem) => MemoryFileSystem) | undefined;
  #after = 0;
  #crashed: MemoryFileSystem | undefined;

  options() {
    return options(this.disk, {
      segmentBytes: 1500,
      from: this.released,
      head: () => [{ type: HEAD, data: Buffer.from(`${this.appended.length}`) }],
    });
  }

  async run(steps: readonly Step[]): Promise<void> {
    this.#arm();
    await this.#survive(async () => {
      this.wal = await Wal.create(this.options());
    });
    for (const step of steps) await this.#survive(() => this.#take(step));
    this.#crash = undefined;
    await this.#survive(() => this.#settle());
    this.disk = this.disk.restart();
    await this.#recover();
    await this.#probe();
  }

  async #take(step: Step): Promise<void> {
    if (step.kind === 'append') {
      const records = step.sizes.map((size, i) => bodyOf(this.appended.length + i, size));
      this.appended.push(...records);
      const end = this.appended.length;
      const append = this.wal.append(records, { sync: step.sync, nextPosition: end }).then(() => {
        if (step.sync && this.#crashed === undefined) this.safe = Math.max(this.safe, end);
      });
      this.#pending.push(append);
      append.catch(() => {});
      if (step.wait) await append;
    } else if (step.kind === 'settle') await this.#settle();
    else if (step.kind === 'release') {
      const position = Math.max(this.released, this.safe - step.behind);
      this.released = position;
      await this.wal.releaseBefore(position);
    } else if (step.kind === 'verify') await this.wal.verify();
    else if (step.kind === 'reopen') {
      await this.wal.close();
      this.safe = this.appended.length;
      await this.#recover();
    } else {
      this.#after = step.after;
      this.#crash =
        step.kind === 'kill'
          ? (disk) => disk.restart()
          : (disk) => disk.powerCut(new SeededRandom(step.seed), step.tear);
    }
  }

  async #settle(): Promise<void> {
    await Promise.all(this.#pending.splice(0));
  }

  /** Does the work; when the machine stopped meanwhile, goes on with what it left, however often it stops again. */
  async #survive(work: () => Promise<void>): Promise<void> {
    for (let attempt = work; ; attempt = () => this.#recover()) {
      try {
        await attempt();
      } catch (error) {
        if (this.#crashed === undefined) throw error;
      }
      if (this.#crashed === undefined) return;
      await Promise.allSettled(this.#pending.splice(0));
      this.disk = this.#crashed;
      this.#crashed = undefined;
      this.#crash = undefined;
      this.#arm();
    }
  }

  /** Lets the next crash happen before some operation, any operation. */
  #arm(): void {
    const { disk } = this;
    disk.before = () => {
      if (this.#crash === undefined || this.#after-- > 0) return;
      this.#crashed = this.#crash(disk);
      this.#crash = undefined;
    };
  }

  async #recover(): Promise<void> {
    let opened: Awaited<ReturnType<typeof Wal.open>>;
    try {
      opened = await Wal.open(this.options());
    } catch (error) {
      // Only before creation was finished may there be nothing; then there was nothing to lose.
      if (!(error instanceof WalError) || error.code !== 'WAL_MISSING' || this.safe > 0) throw error;
      this.appended = [];
      this.wal = await Wal.create(this.options());
      return;
    }
    const bodies = (await collect(opened.records)).filter(({ type }) => type === BODY);
    const first = bodies.length === 0 ? undefined : Buffer.from(bodies[0]!.data).readUInt32LE();
    if (first !== undefined) {
      expect(first).toBeLessThanOrEqual(Math.max(this.released, 0));
      const expected = this.appended.slice(first, first + bodies.length);
      expect(bodies.length).toBe(expected.length);
      for (const [i, { data }] of bodies.entries()) expect(Buffer.compare(data, expected[i]!.data)).toBe(0);
    }
    const end = first === undefined ? this.released : first + bodies.length;
    expect(end).toBeGreaterThanOrEqual(this.safe);
    // What was found is now on the disk: it will not be lost any more.
    this.appended.length = end;
    this.safe = end;
    this.wal = opened.wal;
  }

  async #probe(): Promise<void> {
    const record = bodyOf(this.appended.length, 10);
    this.appended.push(record);
    await this.wal.append([record], { sync: true, nextPosition: this.appended.length });
    this.safe = this.appended.length;
    await this.wal.verify();
    this.disk = this.disk.powerCut(new SeededRandom(1), 'lost');
    await this.#recover();
  }
}

it('keeps what it acknowledged through any history of crashes', () =>
  fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => new History().run(steps)),
    { numRuns: 400 },
  ));
