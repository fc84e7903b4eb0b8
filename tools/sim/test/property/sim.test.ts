import { randomInt } from 'node:crypto';
import { expect, it } from 'vitest';
import { describeFailure } from '../../src/report.js';
import { type RunResult, run } from '../../src/run.js';

/** New seeds each time, so that every run of the tests looks where none has looked; `KONTIKI_SEED` goes back to one. */
const FIRST = Number(process.env['KONTIKI_SEED'] ?? randomInt(2 ** 31));
const SEEDS = 100;

function expectFine(result: RunResult, members: number): void {
  if (result.error === undefined) return;
  throw new Error(describeFailure(result, `npm run sim -- --seed ${result.seed} --members ${members}`), {
    cause: result.error,
  });
}

it.each([3, 5])(`keeps every promise in ${SEEDS} new histories of %i members`, async (members) => {
  const total = { elections: 0, boots: 0, snapshots: 0, changes: 0, writes: 0, reads: 0 };
  for (let i = 0; i < SEEDS; i++) {
    const result = await run({ seed: FIRST + i, members, events: 6_000 });
    expectFine(result, members);
    for (const name of Object.keys(total) as (keyof typeof total)[]) total[name] += result.counts[name];
  }
  // Histories without these would prove little.
  for (const count of Object.values(total)) expect(count).toBeGreaterThan(SEEDS / 10);
});

it('keeps every promise alone', async () => {
  for (let i = 0; i < 20; i++) expectFine(await run({ seed: FIRST + i, members: 1, events: 3_000 }), 1);
});

it('is the same history for the same seed, and another one for another', async () => {
  const hash = async (seed: number): Promise<string> => (await run({ seed, members: 3, events: 3_000 })).hash;
  for (let seed = FIRST; seed < FIRST + 5; seed++) {
    const first = await hash(seed);
    expect(await hash(seed)).toBe(first);
    expect(await hash(seed + 1)).not.toBe(first);
  }
});
