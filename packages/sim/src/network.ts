import type { Random } from '@kontiki/std';
import type { Life } from './life.js';
import { chance, duration, type Range } from './random.js';
import type { Timeline } from './timeline.js';

/** How well messages get through. */
export interface LinkQuality {
  /** Time on the way, milliseconds. Messages overtake each other when it varies, unless `ordered`. */
  readonly delayMs: Range;
  /** Of a thousand messages so many take up to ten times as long. */
  readonly slowPerMille: number;
  /** Of a thousand messages so many are lost. */
  readonly lossPerMille: number;
  /** Of a thousand messages so many arrive twice. */
  readonly duplicatePerMille: number;
  /** A message never overtakes an earlier one on the same link: a stream. */
  readonly ordered: boolean;
}

export const GOOD_LINK: LinkQuality = {
  delayMs: { min: 0.2, max: 1 },
  slowPerMille: 0,
  lossPerMille: 0,
  duplicatePerMille: 0,
  ordered: false,
};

export interface SendOptions {
  /** It must not arrive twice. */
  readonly once?: boolean;
  /** Milliseconds on top of the link's: it is large. */
  readonly extraMs?: number;
  /** Told once: when the message arrived for the first time, or was lost. */
  readonly onOutcome?: (delivered: boolean) => void;
}

interface Endpoint<Message> {
  readonly life: Life;
  readonly receive: (message: Message) => void;
}

interface Link {
  cut: boolean;
  quality: LinkQuality | undefined;
  /** When the last message on its way arrives. */
  busyUntilMs: number;
}

/**
 * Links between addresses, each direction by itself: slow, lossy, doubling, cut. A message is handed over as the object
 * it is, so nobody may change one. Arrives where somebody is attached then, whoever it was when it was sent.
 */
export class SimNetwork<Address, Message> {
  /** Of all links that have none of their own. */
  quality: LinkQuality = GOOD_LINK;
  /** Decides whether a message gets lost although its link is whole. */
  loses: (from: Address, to: Address, message: Message) => boolean = () => false;
  /** Messages handed over, and lost, so far. */
  delivered = 0;
  lost = 0;

  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #endpoints: Map<Address, Endpoint<Message>> = new Map();
  readonly #links: Map<Address, Map<Address, Link>> = new Map();

  constructor(timeline: Timeline, random: Random) {
    this.#timeline = timeline;
    this.#random = random;
  }

  /** From now on, and as long as it lives, a process gets what is sent to the address. */
  attach(address: Address, life: Life, receive: (message: Message) => void): void {
    this.#endpoints.set(address, { life, receive });
  }

  send(from: Address, to: Address, message: Message, options: SendOptions = {}): void {
    const link = this.#link(from, to);
    const quality = link.quality ?? this.quality;
    // Drawn even when the link is cut: a cut then changes nothing but what it cuts.
    const lost = chance(this.#random, quality.lossPerMille);
    const twice = chance(this.#random, quality.duplicatePerMille);
    const delayMs = this.#delay(quality) + (options.extraMs ?? 0);
    if (lost || link.cut || this.loses(from, to, message)) {
      this.lost++;
      const { onOutcome } = options;
      if (onOutcome !== undefined) this.#timeline.after(delayMs, () => onOutcome(false));
      return;
    }
    this.#carry(link, delayMs, quality.ordered, to, message, options.onOutcome);
    if (twice && options.once !== true) {
      this.#carry(link, delayMs + this.#delay(quality), quality.ordered, to, message, undefined);
    }
  }

  /** Nothing gets from `from` to `to` any more, what is on its way included. */
  cut(from: Address, to: Address): void {
    this.#link(from, to).cut = true;
  }

  /** Nothing gets between the groups any more, in either direction. */
  partition(...groups: readonly (readonly Address[])[]): void {
    for (const inside of groups) {
      for (const outside of groups) {
        if (inside === outside) continue;
        for (const from of inside) for (const to of outside) this.cut(from, to);
      }
    }
  }

  setQuality(from: Address, to: Address, quality: LinkQuality | undefined): void {
    this.#link(from, to).quality = quality;
  }

  isCut(from: Address, to: Address): boolean {
    return this.#link(from, to).cut;
  }

  /** All links are whole again, and of the common quality. */
  heal(): void {
    for (const links of this.#links.values()) {
      for (const link of links.values()) {
        link.cut = false;
        link.quality = undefined;
      }
    }
  }

  #carry(
    link: Link,
    delayMs: number,
    ordered: boolean,
    to: Address,
    message: Message,
    onOutcome: ((delivered: boolean) => void) | undefined,
  ): void {
    const now = this.#timeline.nowMs;
    const wait = ordered ? Math.max(delayMs, link.busyUntilMs - now) : delayMs;
    link.busyUntilMs = Math.max(link.busyUntilMs, now + wait);
    const event = this.#timeline.after(wait, () => {
      const endpoint = this.#endpoints.get(to);
      if (endpoint?.life.alive !== true || link.cut) {
        this.lost++;
        onOutcome?.(false);
        return;
      }
      const pausedMs = endpoint.life.pausedMs;
      if (pausedMs > 0) {
        // In the buffers of a machine whose process stands still.
        this.#timeline.again(event, pausedMs);
        return;
      }
      this.delivered++;
      endpoint.receive(message);
      onOutcome?.(true);
    });
  }

  #delay(quality: LinkQuality): number {
    const delayMs = duration(this.#random, quality.delayMs);
    return chance(this.#random, quality.slowPerMille) ? delayMs * (2 + this.#random.int(9)) : delayMs;
  }

  #link(from: Address, to: Address): Link {
    let links = this.#links.get(from);
    if (links === undefined) {
      links = new Map();
      this.#links.set(from, links);
    }
    let link = links.get(to);
    if (link === undefined) {
      link = { cut: false, quality: undefined, busyUntilMs: 0 };
      links.set(to, link);
    }
    return link;
  }
}
