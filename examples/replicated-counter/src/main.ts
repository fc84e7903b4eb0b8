import { MemoryHub } from '@kontiki/raft/testing';
import { Counter } from './counter.js';

/** Three members; one of them goes. */
export async function run(say: (line: string) => void): Promise<void> {
  const hub = new MemoryHub();
  const [one, two, three] = [new Counter(1n, hub), new Counter(2n, hub), new Counter(3n, hub)];
  say(`one adds 1: ${await one.add(1)}`);
  say(`two adds 10: ${await two.add(10)}`);
  say(`three reads ${await three.read()}`);
  await one.stop();
  say(`without one, two adds 100: ${await two.add(100)}`);
  const sums = await Promise.all(Array.from({ length: 1000 }, () => three.add(1)));
  say(`three adds 1 a thousand times, all at once: ${sums.at(-1)}`);
  say(`two reads ${await two.read()}`);
  await Promise.all([two.stop(), three.stop()]);
}

if (process.argv[1] === import.meta.filename) {
  // A member alone does not keep a process alive.
  const awake = setInterval(() => {}, 60_000);
  await run(console.log);
  clearInterval(awake);
}
