import { randomBytes } from 'node:crypto';
import { afterEach, expect, it } from 'vitest';
import { readExposition } from './exposition.js';
import { InProcess } from './in-process.js';

const servers: InProcess[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.dispose()));
});

async function sizes(
  server: InProcess,
): Promise<{ readonly all: number; readonly used: number; readonly runs: number }> {
  const shown = readExposition((await server.get('/metrics')).body);
  const value = (name: string): number => shown.get(name)!.series.get('')!;
  return {
    all: value('etcd_mvcc_db_total_size_in_bytes'),
    used: value('etcd_mvcc_db_total_size_in_use_in_bytes'),
    runs: value('etcd_disk_backend_defrag_duration_seconds'),
  };
}

it('gives back at boot what deleted data still holds, when that is enough, and keeps the rest', async () => {
  const server = await InProcess.start();
  servers.push(server);
  const client = server.client();
  for (let i = 0; i < 8; i++) {
    const put = await client.kv.put({ key: Buffer.from('big'), value: randomBytes(1_000_000) });
    if (!put.ok) throw new Error(put.details);
  }
  await client.kv.put({ key: Buffer.from('small'), value: Buffer.from('v') });
  await client.kv.compact({ revision: 9, physical: true });
  client.close();
  await server.stop();

  await server.startAgain(['--bootstrap-defrag-threshold-megabytes=500']);
  const before = await sizes(server);
  expect(before.all - before.used).toBeGreaterThan(2_000_000);
  expect(before.runs).toBe(0);
  await server.stop();

  await server.startAgain(['--bootstrap-defrag-threshold-megabytes=2']);
  const after = await sizes(server);
  expect(after.runs).toBe(1);
  expect(after.all).toBeLessThan(before.all - 2_000_000);
  const said = server.lines.filter(({ caller }) => caller === 'storage/boot-defrag').map(({ message }) => message);
  expect(said).toEqual(['skipping defragmentation', 'defragmenting', 'defragmented']);
  const again = server.client();
  const read = await again.kv.range({ key: Buffer.from('small') });
  expect(read.ok && read.response.count).toBe(1);
  again.close();
});
