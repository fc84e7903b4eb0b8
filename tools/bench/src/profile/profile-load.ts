import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Load } from '../loads.js';
import { type Measured, measure, type Shape } from '../measure.js';
import { cpuSecondsOf, mainThreadSecondsOf } from '../process-usage.js';
import { BenchServer } from '../server.js';
import type { CpuProfile } from './cpu-profile.js';
import { type HotSpots, hotSpots } from './hot-spots.js';
import { SourcePlaces } from './source-places.js';

export interface Profiled {
  readonly measured: Measured;
  readonly spots: HotSpots;
  /** Of one core, over the run: JavaScript's thread, and all others (disk, garbage collection, compilation). */
  readonly mainCores: number;
  readonly otherCores: number;
  /** As the server wrote it: Chrome's developer tools open it. */
  readonly profile: string;
}

export interface ProfileOptions extends Shape {
  readonly load: Load;
  readonly nodeOptions?: string;
  readonly scratch: string;
}

const PATIENCE_MS = 60_000;

/** Runs one load on Kontiki alone and profiles its main thread while the measured requests are answered. */
export async function profileLoad(options: ProfileOptions): Promise<Profiled> {
  const { load, scratch, nodeOptions } = options;
  const file = join(scratch, 'server.cpuprofile');
  const preload = `--import=${new URL('./preload.mjs', import.meta.url).href}`;
  const server = await BenchServer.start({
    kind: 'kontiki',
    nodeOptions: [preload, nodeOptions].filter((part) => part !== undefined).join(' '),
    env: { KONTIKI_BENCH_PROFILE: file },
  });
  try {
    const { pid } = server;
    const threads = (): { main: number; all: number } => ({
      main: mainThreadSecondsOf(pid),
      all: cpuSecondsOf(pid) ?? 0,
    });
    let before = threads();
    let after = before;
    const measured = await measure(server, load, options, scratch, {
      before: async () => {
        process.kill(pid, 'SIGUSR2');
        await appearance(`${file}.started`);
        before = threads();
      },
      after: async () => {
        after = threads();
        process.kill(pid, 'SIGUSR2');
        await appearance(file);
      },
    });
    const profile = readFileSync(file, 'utf8');
    const places = new SourcePlaces();
    const main = after.main - before.main;
    return {
      measured,
      spots: hotSpots(JSON.parse(profile) as CpuProfile, (frame) => places.placeOf(frame)),
      mainCores: main / measured.seconds,
      otherCores: (after.all - before.all - main) / measured.seconds,
      profile,
    };
  } finally {
    await server.dispose();
  }
}

async function appearance(file: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!existsSync(file)) {
    if (performance.now() > deadline)
      throw new Error(`${fileURLToPath(new URL('./preload.mjs', import.meta.url))} wrote nothing`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
