export type Detail = string | number | bigint | boolean | undefined;

interface Step {
  readonly atMs: number;
  readonly kind: string;
  readonly details: readonly Detail[];
}

/**
 * What happened in a world: the last steps as text for people, and a hash of all of them, which is equal for two runs
 * exactly when the same happened in the same order.
 *
 * Bounded: at most `limit` steps are kept.
 */
export class Trace {
  readonly #limit: number;
  readonly #steps: Step[] = [];
  readonly #words: Map<string, number> = new Map();
  #next = 0;
  #a = 0x811c9dc5;
  #b = 0x9e3779b9;
  #count = 0;

  constructor(limit = 2_000) {
    this.#limit = limit;
  }

  /** Steps so far, those no longer kept included. */
  get count(): number {
    return this.#count;
  }

  /** 16 hexadecimal digits. */
  get hash(): string {
    return hex(this.#a) + hex(this.#b);
  }

  record(atMs: number, kind: string, ...details: readonly Detail[]): void {
    this.#count++;
    this.#number(atMs);
    this.#mix(this.#word(kind));
    for (const detail of details) {
      if (typeof detail === 'number') this.#number(detail);
      else if (typeof detail === 'bigint') this.#number(Number(detail));
      else this.#mix(this.#word(String(detail)));
    }
    if (this.#limit === 0) return;
    const step = { atMs, kind, details };
    if (this.#steps.length < this.#limit) this.#steps.push(step);
    else this.#steps[this.#next] = step;
    this.#next = (this.#next + 1) % this.#limit;
  }

  /** The steps kept, oldest first, a line each: `12.345  kind  details`. */
  lines(): readonly string[] {
    const { length } = this.#steps;
    const start = length < this.#limit ? 0 : this.#next;
    return Array.from({ length }, (_, i) => {
      const { atMs, kind, details } = this.#steps[(start + i) % length]!;
      return `${atMs.toFixed(3).padStart(12)}  ${kind.padEnd(12)} ${details.join(' ')}`;
    });
  }

  /** Hashed once: the same few words come again and again. */
  #word(text: string): number {
    let hash = this.#words.get(text);
    if (hash !== undefined) return hash;
    hash = 0x811c9dc5;
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    if (this.#words.size < 10_000) this.#words.set(text, hash);
    return hash;
  }

  #number(value: number): void {
    // Times have fractions; what is below a microsecond is no difference.
    const scaled = Math.round(value * 1000);
    this.#mix(scaled | 0);
    this.#mix((scaled / 0x1_0000_0000) | 0);
  }

  #mix(word: number): void {
    this.#a = Math.imul(this.#a ^ word, 0x01000193);
    this.#b = Math.imul(((this.#b << 5) | (this.#b >>> 27)) ^ word, 0x9e3779b1);
  }
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}
