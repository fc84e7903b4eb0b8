/*
 * The order of many keys at once. Comparing strings that lie all over memory is what a restart would mostly do; here the
 * next few characters of every key become one number, and the numbers are sorted by counting.
 */
import type { Key } from '../types.js';

/** Characters in a number. Each counts as 0 where the key has ended, else as its code + 1. */
const CHARACTERS = 6;
const BASE = 257;

/** The number in two halves, each sorted by two digits of 12 or 13 bits: BASE ** CHARACTERS is below 2 ** 49. */
const HALF = 2 ** 24;
const DIGIT = 12;
const LOW_MASK = 2 ** DIGIT - 1;

/** Fewer keys are sorted by comparing them. */
const FEW = 2048;

/**
 * The positions of the keys, in the order of the keys; of equal keys in their own order.
 * Keys must be latin1 strings.
 */
export function keyOrder(keys: readonly Key[]): Uint32Array {
  return new KeySorter(keys).sort();
}

class KeySorter {
  readonly #keys: readonly Key[];
  #order: Uint32Array;
  #spare: Uint32Array;
  /** By position. */
  readonly #high: Uint32Array;
  readonly #low: Uint32Array;
  readonly #counts = new Uint32Array(2 ** (DIGIT + 1));

  constructor(keys: readonly Key[]) {
    this.#keys = keys;
    this.#order = Uint32Array.from(keys, (_, position) => position);
    this.#spare = new Uint32Array(keys.length);
    this.#high = new Uint32Array(keys.length);
    this.#low = new Uint32Array(keys.length);
  }

  sort(): Uint32Array {
    this.#sort(0, this.#keys.length, sharedLength(this.#keys));
    return this.#order;
  }

  /** Sorts part of the order: keys that are alike before `depth`. */
  #sort(from: number, to: number, depth: number): void {
    if (to - from <= FEW) return this.#compare(from, to);
    for (let i = from; i < to; i++) this.#read(this.#order[i]!, depth);
    this.#count(from, to, this.#low, 0, LOW_MASK);
    this.#count(from, to, this.#low, DIGIT, LOW_MASK);
    this.#count(from, to, this.#high, 0, LOW_MASK);
    this.#count(from, to, this.#high, DIGIT, 2 * LOW_MASK + 1);
    for (const [start, end] of this.#unsettled(from, to)) this.#sort(start, end, depth + CHARACTERS);
  }

  #compare(from: number, to: number): void {
    const keys = this.#keys;
    const part = Array.from(this.#order.subarray(from, to));
    part.sort((a, b) => (keys[a]! < keys[b]! ? -1 : keys[a]! > keys[b]! ? 1 : a - b));
    this.#order.set(part, from);
  }

  /** The characters of a key from `depth` on, as a number. */
  #read(position: number, depth: number): void {
    const key = this.#keys[position]!;
    let number = 0;
    for (let i = depth; i < depth + CHARACTERS; i++)
      number = number * BASE + (i < key.length ? key.charCodeAt(i) + 1 : 0);
    this.#high[position] = Math.floor(number / HALF);
    this.#low[position] = number % HALF;
  }

  /** Sorts by one digit, leaving what is alike in it as it was. */
  #count(from: number, to: number, numbers: Uint32Array, shift: number, mask: number): void {
    const order = this.#order;
    const counts = this.#counts.fill(0, 0, mask + 1);
    for (let i = from; i < to; i++) counts[(numbers[order[i]!]! >>> shift) & mask]!++;
    if (counts[(numbers[order[from]!]! >>> shift) & mask] === to - from) return;
    let sum = from;
    for (let digit = 0; digit <= mask; digit++) {
      const count = counts[digit]!;
      counts[digit] = sum;
      sum += count;
    }
    const sorted = this.#spare;
    for (let i = from; i < to; i++) sorted[counts[(numbers[order[i]!]! >>> shift) & mask]!++] = order[i]!;
    order.set(sorted.subarray(from, to), from);
  }

  /** Runs of keys that are alike so far and have not ended. */
  #unsettled(from: number, to: number): [from: number, to: number][] {
    const order = this.#order;
    const runs: [number, number][] = [];
    for (let start = from; start < to; ) {
      const first = order[start]!;
      let end = start + 1;
      while (end < to && this.#low[order[end]!] === this.#low[first] && this.#high[order[end]!] === this.#high[first])
        end++;
      // The last character counts as 0: all of them have ended, so they are the same key.
      const ended = (this.#high[first]! * HALF + this.#low[first]!) % BASE === 0;
      if (end - start > 1 && !ended) runs.push([start, end]);
      start = end;
    }
    return runs;
  }
}

/** How many characters all of them begin with. */
function sharedLength(keys: readonly Key[]): number {
  const first = keys[0] ?? '';
  let shared = first.length;
  for (const key of keys) {
    let length = 0;
    const limit = Math.min(shared, key.length);
    while (length < limit && key.charCodeAt(length) === first.charCodeAt(length)) length++;
    shared = length;
    if (shared === 0) break;
  }
  return shared;
}
