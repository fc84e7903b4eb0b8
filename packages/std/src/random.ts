import { assert } from './assert.js';

/** Chance, as a port. */
export interface Random {
  /** A whole number, 0 ≤ n < `below`; 1 ≤ `below` ≤ 2^32. */
  int(below: number): number;
  /** 64 uniform bits. */
  bits64(): bigint;
}

/**
 * A seeded {@link Random}: same seed, same numbers, on every machine (xoshiro128**, seeded by splitmix32).
 * `split` gives an independent stream, so that one consumer asking more often does not change another's numbers.
 */
export class SeededRandom implements Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor(seed: number) {
    let state = seed >>> 0;
    const next = (): number => {
      state = (state + 0x9e3779b9) >>> 0;
      let z = state;
      z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
      z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
      return (z ^ (z >>> 16)) >>> 0;
    };
    this.#a = next();
    this.#b = next();
    this.#c = next();
    this.#d = next() | 1;
  }

  int(below: number): number {
    assert(Number.isInteger(below) && below >= 1 && below <= 0x1_0000_0000, 'below is a whole number from 1 to 2^32');
    // Rejection keeps every remainder equally likely.
    const limit = 0x1_0000_0000 - (0x1_0000_0000 % below);
    for (;;) {
      const bits = this.#next();
      if (bits < limit) return bits % below;
    }
  }

  bits64(): bigint {
    return (BigInt(this.#next()) << 32n) | BigInt(this.#next());
  }

  split(): SeededRandom {
    return new SeededRandom(this.#next());
  }

  #next(): number {
    const rotated = Math.imul(this.#b, 5);
    const result = Math.imul((rotated << 7) | (rotated >>> 25), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }
}
