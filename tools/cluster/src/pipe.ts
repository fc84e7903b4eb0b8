import type { LinkRule } from './link.js';

/** The two ends of a direction, as far as a pipe needs them. */
export interface PipeEnds {
  /** Passes bytes on; false: the receiver is slow, `drained` will be called. */
  write(bytes: Uint8Array): boolean;
  /** Passes on that nothing more comes. */
  end(): void;
  pauseSource(): void;
  resumeSource(): void;
}

/** Time, as a pipe needs it. */
export interface PipeTime {
  now(): number;
  /** Calls `wake` once after `ms`. @returns takes it back */
  after(ms: number, wake: () => void): () => void;
  /** 0 ≤ n < 1 */
  chance(): number;
}

interface Piece {
  /** Undefined: the end of the stream. */
  readonly bytes: Uint8Array | undefined;
  readonly dueAt: number;
}

/** So much may be under way in one direction before its source is made to wait. */
const MAX_BYTES_UNDER_WAY = 4 * 1024 * 1024;

/**
 * One direction of a connection under a rule: in order, each piece not before it is due.
 *
 * `lost` is set once bytes have vanished: from then on nothing may pass any more.
 */
export class Pipe {
  readonly #ends: PipeEnds;
  readonly #time: PipeTime;
  readonly #rule: () => LinkRule;
  readonly #queue: Piece[] = [];
  #bytesUnderWay = 0;
  #freeAt = 0;
  #dueAt = 0;
  #slow = false;
  #paused = false;
  #ended = false;
  #lost = false;
  #cancelWake: (() => void) | undefined;

  constructor(ends: PipeEnds, rule: () => LinkRule, time: PipeTime) {
    this.#ends = ends;
    this.#rule = rule;
    this.#time = time;
  }

  get lost(): boolean {
    return this.#lost;
  }

  /** Bytes came from the source. */
  push(bytes: Uint8Array): void {
    const { cut, bytesPerSecond, delayMs, jitterMs } = this.#rule();
    if (cut === 'vanish' || this.#lost) {
      this.#lost = true;
      return;
    }
    const now = this.#time.now();
    this.#freeAt = Math.max(now, this.#freeAt) + (bytes.length / bytesPerSecond) * 1_000;
    this.#dueAt = Math.max(this.#dueAt, this.#freeAt + delayMs + (jitterMs === 0 ? 0 : this.#time.chance() * jitterMs));
    this.#queue.push({ bytes, dueAt: this.#dueAt });
    this.#bytesUnderWay += bytes.length;
    this.pump();
  }

  /** The source sends nothing more. */
  end(): void {
    if (this.#ended || this.#lost) return;
    this.#ended = true;
    if (this.#rule().cut === 'vanish') {
      this.#lost = true;
      return;
    }
    this.#queue.push({ bytes: undefined, dueAt: this.#dueAt });
    this.pump();
  }

  /** The receiver takes bytes again. */
  drained(): void {
    this.#slow = false;
    this.pump();
  }

  /** Passes on what is due. Called by itself, and by whoever changed the rule. */
  pump(): void {
    this.#cancelWake?.();
    this.#cancelWake = undefined;
    const { cut } = this.#rule();
    if (cut === 'vanish' && this.#queue.length > 0) this.#lose();
    while (cut === 'no' && !this.#slow) {
      const piece = this.#queue[0];
      if (piece === undefined) break;
      const wait = piece.dueAt - this.#time.now();
      if (wait > 0) {
        this.#cancelWake = this.#time.after(wait, () => this.pump());
        break;
      }
      this.#queue.shift();
      if (piece.bytes === undefined) this.#ends.end();
      else {
        this.#bytesUnderWay -= piece.bytes.length;
        this.#slow = !this.#ends.write(piece.bytes);
      }
    }
    this.#throttle();
  }

  /** The connection is beyond saving: nothing passes any more, and whoever heals the link resets it. */
  abandon(): void {
    this.#lose();
    this.#throttle();
  }

  /** Forgets what is under way; no timer stays. */
  close(): void {
    this.#cancelWake?.();
    this.#cancelWake = undefined;
    this.#queue.length = 0;
    this.#bytesUnderWay = 0;
  }

  #lose(): void {
    this.#lost = true;
    this.#queue.length = 0;
    this.#bytesUnderWay = 0;
  }

  #throttle(): void {
    const full = this.#bytesUnderWay > MAX_BYTES_UNDER_WAY;
    if (full === this.#paused) return;
    this.#paused = full;
    if (full) this.#ends.pauseSource();
    else this.#ends.resumeSource();
  }
}
