import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { logSuite } from '@kontiki/raft/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WalLog } from '../src/wal-log.js';

let folder: string;
const logs: WalLog[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wal-log-'));
});

afterEach(async () => {
  for (const log of logs.splice(0)) await log.close();
  rmSync(folder, { recursive: true });
});

/** Small files, so that heads and their removal are seen too. */
async function open(directory: string): Promise<WalLog> {
  const log = await WalLog.open(directory, 200);
  logs.push(log);
  return log;
}

describe('the glue keeps every obligation of a LogWriter', () => {
  const suite = logSuite({
    async open() {
      let directory = join(folder, 'log');
      const writer = await open(directory);
      return {
        writer,
        // What is in the folder is what a process would leave that ends here.
        async reopen() {
          const copy = `${directory}-again`;
          cpSync(directory, copy, { recursive: true });
          directory = copy;
          const again = await open(copy);
          return { writer: again, recovered: again.recovered };
        },
      };
    },
  });
  it.each(suite.map((each) => [each.name, each] as const))('%s', (_, { run }) => run());
});

it('a file that is dropped takes nothing along that still holds', async () => {
  const directory = join(folder, 'log');
  const log = await open(directory);
  const hardState = { term: 7, vote: 3n, commit: 0 };
  await log.append({ entries: [], hardState, mustSync: true });
  for (let index = 1; index <= 20; index++) {
    const entry = { index, term: 7, kind: 'normal', data: new Uint8Array(50) } as const;
    await log.append({ entries: [entry], mustSync: true });
  }
  const mark = { index: 18, term: 7, confState: { voters: [1n, 2n, 3n], learners: [] } };
  await log.append({ entries: [], compacted: mark, mustSync: true });
  expect(readdirSync(directory).length).toBeLessThan(5);
  cpSync(directory, `${directory}-again`, { recursive: true });
  const { recovered } = await open(`${directory}-again`);
  expect(recovered).toMatchObject({ hardState, snapshot: mark, entries: [{ index: 19 }, { index: 20 }] });
});
