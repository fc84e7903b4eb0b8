import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LogSink } from './log-sink.js';
import type { LogTarget } from './log-target.js';

const lostLine = (count: number): string => `lost ${count}\n`;

/** A target that a test opens and shuts. */
class Place implements LogTarget {
  text = '';
  broken = false;
  closed = false;
  /** Bytes still written before a broken target gives up. */
  leak = 0;
  readonly #waiting: (() => void)[] = [];
  stalled = false;

  async append(chunk: Uint8Array): Promise<void> {
    if (this.stalled) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.appendSync(chunk);
  }

  appendSync(chunk: Uint8Array): void {
    const text = Buffer.from(chunk).toString();
    if (this.broken) {
      this.text += text.slice(0, this.leak);
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    }
    this.text += text;
  }

  release(): void {
    this.stalled = false;
    for (const go of this.#waiting.splice(0)) go();
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a log sink', () => {
  it('keeps the order, and has written everything when it is closed', async () => {
    const place = new Place();
    place.stalled = true;
    const sink = new LogSink(place, lostLine);
    for (let i = 0; i < 100; i++) sink.write(`${i}\n`);
    const closing = sink.close();
    sink.write('too late\n');
    place.release();
    await closing;
    expect(place.text).toBe(Array.from({ length: 100 }, (_, i) => `${i}\n`).join(''));
    expect(place.closed).toBe(true);
  });

  it('says how many lines a full disk swallowed, on a line of its own', async () => {
    const place = new Place();
    const sink = new LogSink(place, lostLine);
    sink.write('before\n');
    await settle();
    place.broken = true;
    place.leak = 3;
    for (const line of ['a-long-line\n', 'b\n', 'c\n']) {
      sink.write(line);
      await settle();
    }
    expect(sink.lost).toBe(3);
    place.broken = false;
    sink.write('after\n');
    await sink.close();
    expect(place.text.split('\n').slice(-3)).toEqual(['lost 3', 'after', '']);
    expect(place.text.startsWith('before\na-l')).toBe(true);
    expect(sink.lost).toBe(0);
  });

  it('holds a bounded amount for a target that stalls', async () => {
    const place = new Place();
    place.stalled = true;
    const sink = new LogSink(place, lostLine, 100);
    for (let i = 0; i < 1000; i++) sink.write('0123456789\n');
    place.release();
    await settle();
    sink.write('again\n');
    await sink.close();
    const lines = place.text.trimEnd().split('\n');
    expect(lines.filter((line) => line === '0123456789').length).toBeLessThanOrEqual(1 + Math.floor(100 / 11));
    const lost = lines.filter((line) => line.startsWith('lost ')).reduce((sum, line) => sum + Number(line.slice(5)), 0);
    expect(lines.filter((line) => line === '0123456789').length + lost).toBe(1000);
  });

  it('flushes at once what waits, and never throws', async () => {
    const place = new Place();
    place.stalled = true;
    const sink = new LogSink(place, lostLine);
    sink.write('in flight\n');
    sink.write('waiting\n');
    sink.flushSync();
    expect(place.text).toBe('waiting\n');
    place.broken = true;
    sink.write('nowhere\n');
    expect(() => sink.flushSync()).not.toThrow();
    place.release();
    await sink.close();
  });

  it('writes or counts every line, however the target behaves', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(fc.constantFrom('break', 'mend', 'flush', 'settle'), fc.nat(30)), { maxLength: 60 }),
        async (steps) => {
          const place = new Place();
          const sink = new LogSink(place, lostLine, 200);
          let said = 0;
          for (const step of steps) {
            if (step === 'break') place.broken = true;
            else if (step === 'mend') place.broken = false;
            else if (step === 'flush') sink.flushSync();
            else if (step === 'settle') await settle();
            else sink.write(`line ${said++} ${'x'.repeat(step as number)}\n`);
          }
          place.broken = false;
          sink.flushSync();
          await settle();
          sink.write('end\n');
          await sink.close();
          const lines = place.text.split('\n').filter((line) => line !== '');
          const numbers = lines.filter((line) => line.startsWith('line ')).map((line) => Number(line.split(' ')[1]));
          const lost = lines
            .filter((line) => line.startsWith('lost '))
            .reduce((sum, line) => sum + Number(line.slice(5)), 0);
          expect(numbers.length + lost).toBe(said);
          expect(lines.at(-1)).toBe('end');
          expect(new Set(numbers).size).toBe(numbers.length);
        },
      ),
      { numRuns: 200 },
    );
  });
});
