import { ErrorCode } from './frame.js';
import type { GrpcLimits } from './limits.js';

/** What is to be done about a connection now. */
export type Due =
  | { readonly kind: 'ping' }
  | { readonly kind: 'drain'; readonly limit: 'idleMs' | 'maxAgeMs' }
  | { readonly kind: 'end'; readonly limit: keyof GrpcLimits; readonly code: ErrorCode };

/** When a connection last did what it has to do in time. */
export class Vitals {
  greeted = false;
  acknowledged = false;
  readonly #limits: GrpcLimits;
  readonly #openedMs: number;
  /** When the client last showed that it is there, by sending or by reading. */
  #seenMs: number;
  #idleSinceMs: number;
  /** When the frame or header block that is not whole yet was first seen; Infinity: there is none. */
  #partialSinceMs: number = Number.POSITIVE_INFINITY;
  #pingedMs: number = Number.POSITIVE_INFINITY;

  constructor(limits: GrpcLimits, nowMs: number) {
    this.#limits = limits;
    this.#openedMs = this.#seenMs = this.#idleSinceMs = nowMs;
  }

  seen(nowMs: number): void {
    this.#seenMs = nowMs;
    this.#pingedMs = Number.POSITIVE_INFINITY;
  }

  /** Whether something has begun and is not whole. */
  setPartial(partial: boolean, nowMs: number): void {
    if (!partial) this.#partialSinceMs = Number.POSITIVE_INFINITY;
    else if (this.#partialSinceMs === Number.POSITIVE_INFINITY) this.#partialSinceMs = nowMs;
  }

  /** The last call is over. */
  idle(nowMs: number): void {
    this.#idleSinceMs = nowMs;
  }

  /** Nothing is read from it because it does not read: what it sends late is not its fault. */
  excuse(nowMs: number): void {
    if (this.#partialSinceMs !== Number.POSITIVE_INFINITY) this.#partialSinceMs = nowMs;
  }

  /** @returns the first of what is due, with a ping counted as sent */
  due(nowMs: number, calls: number, draining: boolean): Due | undefined {
    const limits = this.#limits;
    const ageMs = nowMs - this.#openedMs;
    if (!this.greeted) {
      return ageMs >= limits.handshakeMs ? { kind: 'end', limit: 'handshakeMs', code: ErrorCode.NoError } : undefined;
    }
    if (!this.acknowledged && ageMs >= limits.settingsAckMs) {
      return { kind: 'end', limit: 'settingsAckMs', code: ErrorCode.SettingsTimeout };
    }
    if (nowMs - this.#partialSinceMs >= limits.frameMs) {
      return { kind: 'end', limit: 'frameMs', code: ErrorCode.EnhanceYourCalm };
    }
    if (nowMs - this.#pingedMs >= limits.keepaliveTimeoutMs) {
      return { kind: 'end', limit: 'keepaliveTimeoutMs', code: ErrorCode.NoError };
    }
    if (!draining && ageMs >= limits.maxAgeMs) return { kind: 'drain', limit: 'maxAgeMs' };
    if (!draining && calls === 0 && nowMs - this.#idleSinceMs >= limits.idleMs)
      return { kind: 'drain', limit: 'idleMs' };
    if (this.#pingedMs !== Number.POSITIVE_INFINITY || nowMs - this.#seenMs < limits.keepaliveIntervalMs)
      return undefined;
    this.#pingedMs = nowMs;
    return { kind: 'ping' };
  }
}
