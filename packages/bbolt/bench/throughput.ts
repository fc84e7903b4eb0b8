/**
 * How fast a database is written, read and checked, and in how much memory, beside how fast the same bytes are copied.
 * Records as etcd keeps them: keys of 17 bytes, values of the size asked for.
 *
 *   tsx --conditions=@kontiki/source packages/bbolt/bench/throughput.ts [folder] [megabytes] [value bytes]
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseReader, DatabaseWriter, fileSink, fileSource, type Records } from '@kontiki/bbolt';
import { nodeFileSystem } from '@kontiki/std/node';

const folder = process.argv[2] ?? '.';
const megabytes = Number(process.argv[3] ?? 200);
const valueBytes = Number(process.argv[4] ?? 300);
const path = join(folder, 'bbolt-bench');
const count = Math.floor((megabytes * 1e6) / (17 + valueBytes));

function* records(): Generator<Records> {
  const value = Uint8Array.from({ length: valueBytes }, (_, i) => i * 7);
  for (let i = 0; i < count; ) {
    const chunk: [Uint8Array, Uint8Array][] = [];
    const keys = Buffer.alloc(17 * 1000);
    for (let at = 0; at < keys.length && i < count; at += 17, i++) {
      keys.writeUInt32BE(i, at + 4);
      keys[at + 8] = 0x5f;
      chunk.push([keys.subarray(at, at + 17), value]);
    }
    yield chunk;
  }
}

let peakBytes = 0;
async function measure(what: string, bytes: () => number, work: () => Promise<void>): Promise<void> {
  const timer = setInterval(() => {
    peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
  }, 5);
  const started = performance.now();
  await work();
  const seconds = (performance.now() - started) / 1000;
  clearInterval(timer);
  const rate = bytes() / 1e6 / seconds;
  console.log(
    `${what.padEnd(28)} ${rate.toFixed(0).padStart(6)} MB/s  ${seconds.toFixed(2)} s, rss ${(peakBytes / 1e6).toFixed(0)} MB`,
  );
}

await rm(path, { force: true });
let sizeBytes = 0;
const size = (): number => sizeBytes;
const file = await nodeFileSystem.open(path, 'create');
await measure(`write ${count} records`, size, async () => {
  const writer = new DatabaseWriter(fileSink(file));
  await writer.bucket(Buffer.from('key'), records());
  ({ sizeBytes } = await writer.finish());
});
await measure('datasync', size, () => file.datasync());
await file.close();

const again = await nodeFileSystem.open(path, 'read');
const source = await fileSource(again);
const reader = await DatabaseReader.open(source);
await measure('read', size, async () => {
  let read = 0;
  for await (const chunk of reader.records(Buffer.from('key'))) read += chunk.length;
  if (read !== count) throw new Error(`${read} records`);
});
await measure('check', size, () => reader.check());
await measure('bare read of the file', size, async () => {
  for (let at = 0; at < sizeBytes; at += 256 << 10) await source.read(at, Math.min(256 << 10, sizeBytes - at));
});
await again.close();
await rm(path);
