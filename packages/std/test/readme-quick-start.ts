import { Heap, SeededRandom, toLatin1, Watermark } from '@kontiki/std';
import { nodeFileSystem, systemClock } from '@kontiki/std/node';

const dice = new SeededRandom(42); // the same numbers on every machine, for ever
console.log(dice.int(1000), dice.int(1000), dice.int(1000));

const heap = new Heap<string>();
heap.set('later', systemClock.monotonic() + 1000);
heap.set('sooner', systemClock.monotonic());
console.log(heap.pop()?.key);

const applied = new Watermark(7);
setTimeout(() => applied.raise(9), 1);
await applied.reached(9);
console.log(applied.value, toLatin1(Uint8Array.of(0x61, 0xff)).length);

console.log(await nodeFileSystem.exists('no/such/file'));
