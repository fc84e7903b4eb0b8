/** What happens to the bytes that go from one member to another. */
export interface LinkRule {
  /** Each piece is held back this long. */
  readonly delayMs: number;
  /** Up to this much longer, drawn for each piece; the order stays, as TCP keeps it. */
  readonly jitterMs: number;
  /** Infinite: no cap. */
  readonly bytesPerSecond: number;
  /**
   * `hold`: nothing gets through, and what was sent meanwhile arrives when the link is whole again, as after a short
   * outage that TCP repairs. `vanish`: what is sent is gone; both ends believe the connection stands (half-open), and
   * it is reset when the link is whole again, since a stream with a hole in it must not be continued.
   */
  readonly cut: 'no' | 'hold' | 'vanish';
}

/** A link nobody meddles with. */
export const OPEN_LINK: LinkRule = { delayMs: 0, jitterMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY, cut: 'no' };

/** The rules of every directed link of a cluster; links nobody spoke of are open. */
export class Links {
  readonly #rules = new Map<string, LinkRule>();
  readonly #listeners = new Set<() => void>();

  /** @param from undefined: a caller that did not say who it is */
  rule(from: string | undefined, to: string | undefined): LinkRule {
    return this.#rules.get(`${from ?? ''}>${to ?? ''}`) ?? OPEN_LINK;
  }

  /** Changes some of the rule of one direction. */
  set(from: string, to: string, change: Partial<LinkRule>): void {
    this.#rules.set(`${from}>${to}`, { ...this.rule(from, to), ...change });
    this.#changed();
  }

  /** Changes both directions. */
  setBoth(one: string, other: string, change: Partial<LinkRule>): void {
    this.set(one, other, change);
    this.set(other, one, change);
  }

  /** Every link is open again. */
  heal(): void {
    this.#rules.clear();
    this.#changed();
  }

  /** Calls `listener` after each change. @returns takes it back */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
