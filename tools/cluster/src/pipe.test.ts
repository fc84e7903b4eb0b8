import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LinkRule, OPEN_LINK } from './link.js';
import { Pipe } from './pipe.js';

/** Time by hand. */
class Hand {
  #now = 0;
  readonly #due: { readonly at: number; readonly wake: () => void }[] = [];

  readonly time = {
    now: () => this.#now,
    after: (ms: number, wake: () => void) => {
      const entry = { at: this.#now + ms, wake };
      this.#due.push(entry);
      return () => {
        const at = this.#due.indexOf(entry);
        if (at >= 0) this.#due.splice(at, 1);
      };
    },
    chance: () => 0.5,
  };

  get timers(): number {
    return this.#due.length;
  }

  pass(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      this.#due.sort((a, b) => a.at - b.at);
      const next = this.#due[0];
      if (next === undefined || next.at > end) break;
      this.#due.shift();
      this.#now = next.at;
      next.wake();
    }
    this.#now = end;
  }
}

function pipeUnder(rule: Partial<LinkRule>) {
  const hand = new Hand();
  const state = { rule: { ...OPEN_LINK, ...rule }, got: '', ended: false, takes: true, paused: false };
  const pipe = new Pipe(
    {
      write: (bytes) => {
        state.got += Buffer.from(bytes).toString('latin1');
        return state.takes;
      },
      end: () => {
        state.ended = true;
      },
      pauseSource: () => {
        state.paused = true;
      },
      resumeSource: () => {
        state.paused = false;
      },
    },
    () => state.rule,
    hand.time,
  );
  const push = (text: string): void => pipe.push(Buffer.from(text, 'latin1'));
  const set = (change: Partial<LinkRule>): void => {
    state.rule = { ...state.rule, ...change };
    pipe.pump();
  };
  return { hand, state, pipe, push, set };
}

describe('a pipe', () => {
  it('lets everything through at once when nothing is said', () => {
    const { state, push, pipe } = pipeUnder({});
    push('ab');
    push('c');
    expect(state.got).toBe('abc');
    pipe.end();
    expect(state.ended).toBe(true);
  });

  it('holds each piece back by its delay, and the end behind the last', () => {
    const { hand, state, push, pipe } = pipeUnder({ delayMs: 10 });
    push('a');
    hand.pass(5);
    push('b');
    pipe.end();
    hand.pass(5);
    expect(state).toMatchObject({ got: 'a', ended: false });
    hand.pass(5);
    expect(state).toMatchObject({ got: 'ab', ended: true });
  });

  it('caps the bytes per second', () => {
    const { hand, state, push } = pipeUnder({ bytesPerSecond: 1_000 });
    for (const letter of 'abcd') push(letter.repeat(100));
    hand.pass(250);
    expect(state.got).toHaveLength(200);
    hand.pass(150);
    expect(state.got).toHaveLength(400);
  });

  it('keeps what was sent during a short outage, the end too', () => {
    const { hand, state, push, pipe, set } = pipeUnder({ cut: 'hold' });
    push('a');
    pipe.end();
    hand.pass(1_000);
    expect(state).toMatchObject({ got: '', ended: false });
    expect(pipe.lost).toBe(false);
    set({ cut: 'no' });
    expect(state).toMatchObject({ got: 'a', ended: true });
  });

  it('loses what was sent while bytes vanish, says nothing of it, and passes nothing after it', () => {
    const { hand, state, push, pipe, set } = pipeUnder({});
    push('a');
    set({ cut: 'vanish' });
    push('b');
    pipe.end();
    expect(pipe.lost).toBe(true);
    set({ cut: 'no' });
    push('c');
    hand.pass(10);
    expect(state).toMatchObject({ got: 'a', ended: false });
  });

  it('loses what was under way when the link was cut for good', () => {
    const { hand, state, push, pipe, set } = pipeUnder({ delayMs: 10 });
    push('a');
    set({ cut: 'vanish' });
    set({ cut: 'no' });
    hand.pass(20);
    expect(state.got).toBe('');
    expect(pipe.lost).toBe(true);
  });

  it('stays whole when nothing was sent while bytes vanished', () => {
    const { state, push, pipe, set } = pipeUnder({});
    set({ cut: 'vanish' });
    set({ cut: 'no' });
    push('a');
    expect(pipe.lost).toBe(false);
    expect(state.got).toBe('a');
  });

  it('makes its source wait while too much is under way, and no longer', () => {
    const { state, push, set } = pipeUnder({ cut: 'hold' });
    push('a'.repeat(4 * 1024 * 1024));
    expect(state.paused).toBe(false);
    push('b');
    expect(state.paused).toBe(true);
    set({ cut: 'no' });
    expect(state.paused).toBe(false);
  });

  it('waits for a slow receiver', () => {
    const { state, push, pipe } = pipeUnder({});
    state.takes = false;
    push('a');
    push('b');
    expect(state.got).toBe('a');
    state.takes = true;
    pipe.drained();
    expect(state.got).toBe('ab');
  });

  it('leaves no timer when it is closed', () => {
    const { hand, push, pipe } = pipeUnder({ delayMs: 10 });
    push('a');
    expect(hand.timers).toBe(1);
    pipe.close();
    expect(hand.timers).toBe(0);
  });

  it('keeps every byte in order whatever the rules do, unless it says that it lost some', () => {
    const change = fc.record(
      {
        delayMs: fc.nat(20),
        jitterMs: fc.nat(20),
        bytesPerSecond: fc.constantFrom(100, 10_000, Number.POSITIVE_INFINITY),
        cut: fc.constantFrom('no' as const, 'hold' as const, 'vanish' as const),
      },
      { requiredKeys: [] },
    );
    const step = fc.oneof(fc.string({ minLength: 1, unit: 'binary-ascii' }), change, fc.integer({ min: 1, max: 50 }));
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const { hand, state, push, pipe, set } = pipeUnder({});
        let sent = '';
        for (const step of steps) {
          if (typeof step === 'string') {
            sent += step;
            push(step);
          } else if (typeof step === 'number') hand.pass(step);
          else set(step);
          expect(sent.startsWith(state.got)).toBe(true);
        }
        set(OPEN_LINK);
        hand.pass(1_000_000);
        expect(state.got === sent || pipe.lost).toBe(true);
        expect(hand.timers).toBe(0);
      }),
    );
  });
});
