import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeKeyValue } from '../../src/codec.js';
import type { Txn } from '../../src/txn/txn.js';
import { isReadOnly } from '../../src/txn/txn.js';
import type { KeyRange, RangeOptions } from '../../src/types.js';
import { rangeOptions, ranges, txns } from './arbitraries.js';
import { outcome, outcomeOf, show, World } from './world.js';

type Model = Record<string, never>;
type Command = fc.AsyncCommand<Model, World>;

class Step implements Command {
  readonly #name: string;
  readonly #run: (world: World) => Promise<void> | void;

  constructor(name: string, run: (world: World) => Promise<void> | void) {
    this.#name = name;
    this.#run = run;
  }

  check(): boolean {
    return true;
  }

  async run(_model: Model, world: World): Promise<void> {
    await this.#run(world);
  }

  toString(): string {
    return this.#name;
  }
}

const write = (txn: Txn): Command => new Step(`txn(${show(txn)})`, (world) => world.apply({ kind: 'txn', txn }));

const read = (txn: Txn): Command =>
  new Step(`read(${show(txn)})`, (world) => {
    if (!isReadOnly(txn)) return;
    expect(outcome(() => world.store.read(txn))).toBe(outcome(() => world.twin.txn(txn)));
  });

/** All four ways to read a range give the same answer. */
const range = (range: KeyRange, options: RangeOptions): Command =>
  new Step(`range(${show({ range, options })})`, async ({ store, twin, clock }) => {
    const expected = outcome(() => twin.range(range, options));
    expect(outcome(() => store.range(range, options))).toBe(expected);
    expect(await outcomeOf(() => clock.until(store.rangeInSlices(range, options)))).toBe(expected);
    const encoded = outcome(() => {
      const result = twin.range(range, options);
      return { ...result, kvs: result.kvs.map(encodeKeyValue) };
    });
    expect(outcome(() => store.rangeEncoded(range, options))).toBe(encoded);
    expect(await outcomeOf(() => clock.until(store.rangeEncodedInSlices(range, options)))).toBe(encoded);
  });

const compact = (back: number): Command =>
  new Step(`compact(current - ${back})`, (world) =>
    world.apply({ kind: 'compact', revision: world.twin.revision - back }),
  );

const settle = (): Command => new Step('settle', ({ clock, store }) => clock.until(store.compacted()));

const pass = (ms: number): Command => new Step(`pass(${ms})`, (world) => world.pass(ms));

const commit = (): Command => new Step('commit', ({ clock, backend }) => clock.until(backend.commit()));

const hash = (revision: number): Command =>
  new Step(`hash(${revision})`, async ({ clock, store, twin }) => {
    expect(await outcomeOf(() => clock.until(store.hash(revision)))).toBe(outcome(() => twin.hash(revision)));
  });

const restart = (): Command => new Step('restart', (world) => world.restart());

const crash = (lost: number): Command => new Step(`crash(${lost} batches lost)`, (world) => world.crash(lost));

const commands = [
  txns.map(write),
  txns.map(write),
  txns.map(write),
  txns.map(read),
  fc.tuple(ranges, rangeOptions).map(([r, options]) => range(r, options)),
  fc.integer({ min: -1, max: 8 }).map(compact),
  fc.constant(settle()),
  fc.integer({ min: 1, max: 40 }).map(pass),
  fc.constant(commit()),
  fc.integer({ min: -1, max: 20 }).map(hash),
  fc.constant(restart()),
  fc.nat(3).map(crash),
];

describe('a store', () => {
  it('answers any history like the naive one, through compactions, restarts and crashes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.commands(commands, { maxCommands: 60, size: 'max' }), async (list) => {
        const world = await World.open();
        await fc.asyncModelRun(() => ({ model: {}, real: world }), list);
        await world.checkEverything();
      }),
      { numRuns: Number(process.env['MVCC_RUNS'] ?? 150) },
    );
  });
});
