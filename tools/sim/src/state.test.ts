import type { Entry } from '@kontiki/raft';
import { expect, it } from 'vitest';
import { decodeCommand, decodeExpectation, encodeCommand, encodeExpectation, State } from './state.js';

const entry = (index: number, data: Uint8Array): Entry => ({ index, term: 3, kind: 'normal', data });

it('comes back from its bytes as it was', () => {
  const state = new State();
  state.apply(entry(1, encodeCommand({ id: 7n, key: 2 }, 5)));
  state.applyChange(
    { ...entry(2, new Uint8Array(3)), kind: 'change' },
    { voters: [1n, 2n ** 63n], learners: [3n] },
    true,
  );
  expect(State.decode(state.encode())).toEqual(state);
});

it('answers what a register held before, and digests everything', () => {
  const digests = [3, 4].map((last) => {
    const state = new State();
    const { outcome: first } = state.apply(entry(1, encodeCommand({ id: 7n, key: 2 }, 0)));
    const { id, outcome } = state.apply(entry(2, encodeCommand({ id: 8n, key: 2 }, 0)));
    expect([first.before, id, outcome.before, outcome.index]).toEqual([0n, 8n, 7n, 2]);
    expect(state.apply(entry(3, new Uint8Array(0))).id).toBeUndefined();
    state.apply(entry(4, encodeCommand({ id: 9n, key: last }, 0)));
    return state.digest;
  });
  expect(digests[0]).not.toBe(digests[1]);
});

it('reads commands and expectations back, and knows what is none', () => {
  expect(decodeCommand(encodeCommand({ id: 2n ** 60n, key: 5 }, 100))).toEqual({ id: 2n ** 60n, key: 5 });
  expect(decodeExpectation(encodeExpectation(4n, 99))).toEqual({ id: 4n, configuredAt: 99 });
  expect(decodeExpectation(new Uint8Array(0))).toBeUndefined();
});
