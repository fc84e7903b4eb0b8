import { expect, it } from 'vitest';
import { findEtcd, findKontiki } from '../../../harness/src/index.js';
import { referee } from '../../src/referee.js';

it('Kontiki answers random histories as etcd does', async (context) => {
  const etcd = findEtcd();
  const missing =
    etcd === undefined
      ? 'there is no etcd to compare with (tools/setup/install-etcd.sh brings one)'
      : findKontiki() === undefined
        ? 'the server is not built (npm run build)'
        : undefined;
  if (missing !== undefined) {
    console.log(`SKIPPED: ${missing}`);
    context.skip(missing);
    return;
  }
  const summary = await referee({
    runs: 1_000_000,
    // Repeatable here; `npm run referee` draws new seeds.
    seed: Number(process.env['KONTIKI_SEED'] ?? 20_261_125),
    against: 'kontiki',
    timeMs: 60_000,
    shrinkMs: 60_000,
  });
  for (const { text } of summary.found) console.log(text);
  console.log(
    `${summary.runs} runs, ${summary.operations} operations, exceptions: ${JSON.stringify([...summary.uses])}`,
  );
  expect(summary.found.map(({ text }) => text)).toEqual([]);
  expect(summary.runs).toBeGreaterThan(10);
});
