import { assert, type Random } from '@kontiki/std';

/** A span of possible values, both ends possible. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** True `perMille` times of a thousand. 0 and 1000 draw nothing. */
export function chance(random: Random, perMille: number): boolean {
  return perMille > 0 && (perMille >= 1000 || random.int(1000) < perMille);
}

/** A whole number, `min` ≤ n ≤ `max`. */
export function between(random: Random, min: number, max: number): number {
  return min + random.int(max - min + 1);
}

/** A time in milliseconds, to the microsecond. */
export function duration(random: Random, { min, max }: Range): number {
  return max <= min ? min : min + random.int(Math.ceil((max - min) * 1000) + 1) / 1000;
}

/** One of them; at least one. */
export function pick<T>(random: Random, items: readonly T[]): T {
  assert(items.length > 0, 'there is nothing to pick from');
  return items[random.int(items.length)] as T;
}

/** The same items in some order. */
export function shuffle<T>(random: Random, items: readonly T[]): T[] {
  const shuffled = [...items];
  for (let i = shuffled.length - 1; i > 0; i--) {
    const j = random.int(i + 1);
    [shuffled[i], shuffled[j]] = [shuffled[j] as T, shuffled[i] as T];
  }
  return shuffled;
}
