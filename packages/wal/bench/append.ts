/**
 * What group commit makes of a disk: acknowledged appends a second for 1, 16 and 256 callers that each wait for their
 * own, beside the rate of bare write + fdatasync of the same bytes; and how fast a segment is read back.
 *
 *   tsx --conditions=@kontiki/source packages/wal/bench/append.ts [folder] [seconds]
 */
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { nodeFileSystem, systemClock } from '@kontiki/std/node';
import { Wal } from '@kontiki/wal';

const folder = process.argv[2] ?? '.';
const seconds = Number(process.argv[3] ?? 3);
const directory = join(folder, 'wal-bench');
const data = Uint8Array.from({ length: 300 }, (_, i) => i * 7);

function report(what: string, count: number, took: number, latencies: number[]): void {
  latencies.sort((a, b) => a - b);
  const at = (part: number): string => `${(latencies[Math.floor(latencies.length * part)] ?? 0).toFixed(2)} ms`;
  console.log(`${what.padEnd(34)} ${Math.round(count / took)}/s, median ${at(0.5)}, 99th ${at(0.99)}`);
}

async function raw(ahead: boolean): Promise<void> {
  const path = join(folder, 'raw-bench');
  const file = await open(path, 'wx+');
  if (ahead) {
    await file.write(new Uint8Array(32 << 20));
    await file.sync();
  }
  const latencies: number[] = [];
  const bytes = new Uint8Array(336).fill(7);
  const started = performance.now();
  for (let now = started, at = 0; now - started < seconds * 1000; at += bytes.length) {
    await file.write(bytes, 0, bytes.length, at);
    await file.datasync();
    latencies.push(performance.now() - now);
    now = performance.now();
  }
  report(`bare write + fdatasync, ${ahead ? 'into zeros' : 'at the end'}`, latencies.length, seconds, latencies);
  await file.close();
  await rm(path);
}

async function appends(callers: number): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  const wal = await Wal.create({ fileSystem: nodeFileSystem, directory, clock: systemClock, head: () => [] });
  const latencies: number[] = [];
  let position = 0;
  const cpu = process.cpuUsage();
  const end = performance.now() + seconds * 1000;
  const caller = async (): Promise<void> => {
    for (let now = performance.now(); now < end; now = performance.now()) {
      await wal.append([{ type: 2, data }], { sync: true, nextPosition: ++position });
      latencies.push(performance.now() - now);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  const { user, system } = process.cpuUsage(cpu);
  report(`append of 300 B, ${callers} waiting`, latencies.length, seconds, latencies);
  console.log(`${''.padEnd(34)} ${((user + system) / latencies.length).toFixed(1)} us of CPU each`);
  await wal.close();
}

async function reading(): Promise<void> {
  const started = performance.now();
  const { wal, records } = await Wal.open({
    fileSystem: nodeFileSystem,
    directory,
    clock: systemClock,
    head: () => [],
  });
  const opened = performance.now();
  let count = 0;
  for await (const record of records) count += Number(record.data.length > 0);
  const read = performance.now();
  const { bytes } = await wal.verify();
  const verified = performance.now();
  const megabytes = (bytes / 1e6).toFixed(0);
  console.log(
    `${count} records, ${megabytes} MB: opened in ${(opened - started).toFixed(0)} ms (last segment), ` +
      `read in ${(read - opened).toFixed(0)} ms, verified in ${(verified - read).toFixed(0)} ms`,
  );
  await wal.close();
}

await raw(false);
await raw(true);
for (const callers of [1, 16, 256]) await appends(callers);
await reading();
await rm(directory, { recursive: true, force: true });
