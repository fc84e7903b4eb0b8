import type { GrpcLimits } from './limits.js';

/** What is counted over a window of time. */
export type Flood = 'resets' | 'settings' | 'pings' | 'idleFrames';

/** Counts what costs a client little and us much, and tells when it is too much. */
export class FloodGuard {
  readonly #limits: GrpcLimits;
  #windowStartMs = Number.NEGATIVE_INFINITY;
  #resets = 0;
  #settings = 0;
  #pings = 0;
  #idleFrames = 0;

  constructor(limits: GrpcLimits) {
    this.#limits = limits;
  }

  /** @returns whether that was one too many */
  count(flood: Flood, nowMs: number): boolean {
    if (nowMs - this.#windowStartMs >= this.#limits.floodWindowMs) {
      this.#windowStartMs = nowMs;
      this.#resets = this.#settings = this.#pings = this.#idleFrames = 0;
    }
    switch (flood) {
      case 'resets':
        return ++this.#resets > this.#limits.maxResets;
      case 'settings':
        return ++this.#settings > this.#limits.maxSettings;
      case 'pings':
        return ++this.#pings > this.#limits.maxPings;
      case 'idleFrames':
        return ++this.#idleFrames > this.#limits.maxIdleFrames;
    }
  }
}

const MAX_STRIKES = 2;
const MIN_INTERVAL_WITHOUT_STREAM_MS = 7_200_000;

/**
 * Polices the pings of a client as gRPC servers do: a ping that comes too soon after the one before is a strike, three
 * strikes are too many, and whatever we send of an answer forgives all and lets the next ping pass.
 */
export class PingPolicy {
  readonly #limits: GrpcLimits;
  #lastPingMs = Number.NEGATIVE_INFINITY;
  #strikes = 0;
  #forgiven = false;

  constructor(limits: GrpcLimits) {
    this.#limits = limits;
  }

  /** An answer's headers or data were sent. */
  forgive(): void {
    this.#forgiven = true;
  }

  ping(nowMs: number, openStreams: number): 'forgiven' | 'fine' | 'too many' {
    const sinceMs = nowMs - this.#lastPingMs;
    this.#lastPingMs = nowMs;
    if (this.#forgiven) {
      this.#forgiven = false;
      this.#strikes = 0;
      return 'forgiven';
    }
    const lively = openStreams > 0 || this.#limits.permitPingWithoutStream;
    if (sinceMs < (lively ? this.#limits.minPingIntervalMs : MIN_INTERVAL_WITHOUT_STREAM_MS)) this.#strikes++;
    return this.#strikes > MAX_STRIKES ? 'too many' : 'fine';
  }
}

/** Bytes held for somebody, of one connection, and of all that share `whole`. */
export class Budget {
  readonly #max: number;
  readonly #whole: Budget | undefined;
  #used = 0;

  constructor(max: number, whole?: Budget) {
    this.#max = max;
    this.#whole = whole;
  }

  get used(): number {
    return this.#used;
  }

  /**
   * Whether there is no room for anything more. One thing may be larger than the room it found. That of `whole` is not
   * asked: who holds little must not suffer for who holds much.
   */
  get exhausted(): boolean {
    return this.#used >= this.#max;
  }

  take(bytes: number): void {
    this.#used += bytes;
    this.#whole?.take(bytes);
  }

  give(bytes: number): void {
    this.#used -= bytes;
    this.#whole?.give(bytes);
  }
}
