/**
 * One scripted life of a log, with one thing going wrong at every operation it does: an I/O error, a full disk, a power
 * cut, and another power cut while recovering from the first. Whatever happened, the next start finds all that was
 * acknowledged and nothing that was not appended.
 */
import { SeededRandom, silentLogger } from '@kontiki/std';
import { describe, expect, it } from 'vitest';
import { Wal } from '../src/index.js';
import { failNth, MemoryFileSystem, type Operation, type Tear } from '../src/testing/index.js';
import { collect, options, record, text } from './support.js';

const TEARS: readonly Tear[] = ['lost', 'kept', 'bytes', 'sectors'];

class Life {
  readonly appended: string[] = [];
  acknowledged = 0;
  released = 0;
  readonly warnings: string[] = [];

  constructor(readonly disk: MemoryFileSystem) {}

  /** Fails where the disk does. */
  async live(): Promise<void> {
    let wal = await Wal.create(this.#options());
    for (let round = 0; round < 2; round++) {
      await this.#append(wal, true, 'a', 'b'.repeat(300));
      await this.#append(wal, false, 'c');
      await Promise.all([this.#append(wal, true, 'd'.repeat(700)), this.#append(wal, true, 'e')]);
      await this.#append(wal, true, 'f'.repeat(400));
      await wal.verify();
      this.released = this.acknowledged - 2;
      await wal.releaseBefore(this.released);
      await wal.close();
      ({ wal } = await Wal.open(this.#options()));
    }
    await this.#append(wal, true, 'last');
    await wal.close();
  }

  /** What a start after the trouble must find, on the disk it left. */
  async requireIntact(disk: MemoryFileSystem, when: string): Promise<void> {
    let wal: Wal;
    try {
      const opened = await Wal.open(this.#options(disk));
      wal = opened.wal;
      const found = (await collect(opened.records)).map(text);
      const first = found.length === 0 ? this.released : this.appended.indexOf(found[0]!);
      expect(first, when).toBeLessThanOrEqual(this.released);
      expect(found, when).toEqual(this.appended.slice(first, first + found.length));
      expect(first + found.length, when).toBeGreaterThanOrEqual(this.acknowledged);
    } catch (error) {
      expect((error as { code?: unknown }).code, `${when}: ${String(error)}`).toBe('WAL_MISSING');
      expect(this.acknowledged, when).toBe(0);
      wal = await Wal.create(this.#options(disk));
    }
    await wal.append([record(2, 'goes on')], { sync: true, nextPosition: this.appended.length + 1 });
    await wal.verify();
    await wal.close();
  }

  #options(disk = this.disk) {
    const logger = { ...silentLogger, warn: (message: string) => void this.warnings.push(message) };
    return options(disk, { segmentBytes: 1000, from: this.released, logger });
  }

  async #append(wal: Wal, sync: boolean, ...datas: string[]): Promise<void> {
    // Each text occurs once: it starts with its number.
    const records = datas.map((data, i) => record(2, `${this.appended.length + i} ${data}`));
    this.appended.push(...records.map(text));
    const position = this.appended.length;
    await wal.append(records, { sync, nextPosition: position });
    if (sync) this.acknowledged = Math.max(this.acknowledged, position);
  }
}

async function untilTrouble(life: Life): Promise<unknown> {
  return life.live().then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('one life of a log', () => {
  it.each(['EIO', 'ENOSPC'])('loses nothing to a single %s, whichever operation it strikes', async (code) => {
    let struck = 0;
    for (let nth = 1; ; nth++) {
      const life = new Life(new MemoryFileSystem());
      const fail = failNth(nth, () => true, code);
      life.disk.before = fail;
      const error = await untilTrouble(life);
      if (!fail.hit()) break;
      struck += Number(error !== undefined);
      const seed = new SeededRandom(nth);
      const next = nth % 2 === 0 ? life.disk.restart() : life.disk.powerCut(seed, TEARS[seed.int(4)]!);
      await life.requireIntact(next, `${code} at operation ${nth}`);
    }
    expect(struck).toBeGreaterThan(50);
  });

  it('retries no datasync: the first that fails is the last of its log', async () => {
    const isSync = ({ kind }: Operation): boolean => kind === 'datasync';
    let swept = 0;
    for (let nth = 1; ; nth++, swept++) {
      const life = new Life(new MemoryFileSystem());
      const fail = failNth(nth, isSync);
      let syncs = 0;
      life.disk.before = (operation) => {
        syncs += Number(isSync(operation));
        return fail(operation);
      };
      const error = await untilTrouble(life);
      if (!fail.hit()) break;
      if (error === undefined) {
        // The one behind the mark that `close` adds when all records are safe already.
        expect(life.warnings, `datasync ${nth}`).toEqual(['cannot mark the end of the log']);
      } else expect(syncs).toBe(nth);
      // Even a machine that goes on, with its pages called clean, must not lose what was acknowledged.
      const alive = life.disk.restart();
      await life.requireIntact(alive, `datasync ${nth}`);
      life.appended.push('2:goes on');
      life.acknowledged = life.appended.length;
      const { wal, records } = await Wal.open(options(alive.powerCut(new SeededRandom(nth), 'lost')));
      expect((await collect(records)).map(text).at(-1)).toBe('2:goes on');
      await wal.close();
    }
    expect(swept).toBeGreaterThan(10);
  });

  it('stops cleanly on a disk of any size, and goes on when there is room again', async () => {
    const ends = new Set<unknown>();
    for (let capacity = 0; capacity < 8000; capacity += 61) {
      const life = new Life(new MemoryFileSystem());
      life.disk.capacityBytes = capacity;
      const error = await untilTrouble(life);
      ends.add((error as { code?: unknown } | undefined)?.code);
      const next = life.disk.restart();
      next.capacityBytes = Number.POSITIVE_INFINITY;
      await life.requireIntact(next, `capacity ${capacity}`);
    }
    expect(ends).toEqual(new Set(['WAL_NO_SPACE', undefined]));
  });

  it('survives a power cut before any operation, and another during the recovery', async () => {
    let cuts = 0;
    for (let nth = 1; ; nth++) {
      const life = new Life(new MemoryFileSystem());
      let left: MemoryFileSystem | undefined;
      const seed = new SeededRandom(nth);
      life.disk.before = ({ number }) => {
        if (number === nth) left = life.disk.powerCut(seed, TEARS[nth % 4]!);
      };
      await untilTrouble(life);
      if (left === undefined) break;
      cuts++;
      // Again, at a few moments of the recovery.
      for (let again = 1 + seed.int(4); again < 30; again += 1 + seed.int(9)) {
        let leftAgain: MemoryFileSystem | undefined;
        const recovering: MemoryFileSystem = left;
        recovering.before = ({ number }) => {
          if (number === again) leftAgain = recovering.powerCut(seed, TEARS[seed.int(4)]!);
        };
        await Wal.open(options(recovering, { segmentBytes: 1000, from: life.released })).catch(() => {});
        left = leftAgain ?? recovering.powerCut(seed, 'any');
      }
      await life.requireIntact(left, `power cut at operation ${nth}`);
    }
    expect(cuts).toBeGreaterThan(80);
  });
});
