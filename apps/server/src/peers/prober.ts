import type { Agent } from 'node:http';
import type { Histogram, Timer } from '@kontiki/std';
import { hexId } from '../cluster/member-id.js';
import type { PeerContext } from './context.js';
import { requestTarget, type UrlPicker } from './dial.js';
import { PeerError, reasonOf } from './errors.js';
import { type Exchange, exchange } from './exchange.js';

export const PROBING_PATH = '/raft/probing';

export interface ProberOptions {
  readonly peer: bigint;
  readonly picker: UrlPicker;
  readonly agent: Agent;
  readonly roundTripSeconds: Histogram;
}

/** A clock that is wrong stays so; once in so many probes is enough to say it. */
const COMPLAIN_EVERY_PROBES = 8;

/** Asks a peer for the time, again and again: how long a round trip takes, and how far its clock is off. */
export class Prober {
  readonly #options: ProberOptions;
  readonly #context: PeerContext;
  readonly #timer: Timer;
  #underWay: Exchange | undefined;
  #silentProbes = 0;

  constructor(options: ProberOptions, context: PeerContext) {
    this.#options = options;
    this.#context = context;
    // Before the other side takes the connection for dead.
    this.#timer = context.clock.every(context.limits.readMs * 0.8, () => this.#probe());
  }

  stop(): void {
    this.#timer.cancel();
    this.#underWay?.end(new PeerError('PEER_CLOSED', 'stopped'));
  }

  #probe(): void {
    const { picker, agent } = this.#options;
    const { clock, limits } = this.#context;
    const url = picker.pick();
    if (url === undefined || this.#underWay !== undefined) return;
    let asked: Exchange;
    try {
      asked = exchange({ ...requestTarget(url, PROBING_PATH), agent }, limits.readMs, this.#context);
    } catch (error) {
      this.#failed(error);
      return;
    }
    this.#underWay = asked;
    let startedMs = clock.monotonic();
    asked.request.once('socket', (socket) => {
      // A connection that has to be made first is no part of the round trip.
      if (socket.connecting) socket.once('connect', () => void (startedMs = clock.monotonic()));
    });
    asked.request.end();
    asked.reply
      .then(
        ({ status, body }) => this.#heard(status, body, clock.monotonic() - startedMs),
        (error: unknown) => this.#failed(error),
      )
      .finally(() => {
        this.#underWay = undefined;
      });
  }

  #heard(status: number, body: string, roundTripMs: number): void {
    const theirMs = status === 200 ? timeOf(body) : undefined;
    if (theirMs === undefined) {
      this.#failed(new PeerError('PEER_REFUSED', `status ${status} to a probe`));
      return;
    }
    const { clock, limits, logger } = this.#context;
    this.#options.roundTripSeconds.observe(roundTripMs / 1000);
    const differenceMs = Math.abs(clock.now() - theirMs - roundTripMs / 2);
    if (differenceMs <= limits.clockDifferenceMs) {
      this.#silentProbes = 0;
      return;
    }
    if (this.#silentProbes-- > 0) return;
    this.#silentProbes = COMPLAIN_EVERY_PROBES - 1;
    logger.warn('prober found high clock drift', {
      'remote-peer-id': hexId(this.#options.peer),
      'clock-drift': `${(differenceMs / 1000).toFixed(3)}s`,
      rtt: `${(roundTripMs / 1000).toFixed(6)}s`,
    });
  }

  /** The streams tell of a peer that is gone; this only says why there are no figures. */
  #failed(error: unknown): void {
    const { logger } = this.#context;
    logger.debug('probing failed', { 'remote-peer-id': hexId(this.#options.peer), error: reasonOf(error) });
  }
}

/** What a peer answers to a probe. */
export function probeAnswer(nowMs: number): string {
  return `${JSON.stringify({ OK: true, Now: new Date(nowMs).toISOString() })}\n`;
}

/** Its clock in milliseconds; undefined when the answer is not well. */
export function timeOf(answer: string): number | undefined {
  try {
    const { OK: ok, Now: now } = JSON.parse(answer) as { readonly OK?: unknown; readonly Now?: unknown };
    const ms = Date.parse(String(now));
    return ok === true && !Number.isNaN(ms) ? ms : undefined;
  } catch {
    return undefined;
  }
}
