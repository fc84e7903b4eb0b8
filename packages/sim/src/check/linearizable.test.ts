import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { History, type Operation } from '../history.js';
import { checkLinearizable, type Model } from './linearizable.js';
import { type RegisterInput, type RegisterOutput, registerModel } from './register.js';

type Op = Operation<RegisterInput, RegisterOutput>;

/** Every order of every subset that leaves out only unknown operations: so slow that it is plainly right. */
function existsOrder(operations: readonly Op[]): boolean {
  const search = (left: readonly Op[], state: string | undefined): boolean => {
    if (left.every(({ returnedAt }) => returnedAt === Number.POSITIVE_INFINITY)) return true;
    return left.some((operation) => {
      if (left.some((other) => other.returnedAt < operation.calledAt)) return false;
      const next = registerModel.step(state, operation.input, operation.output);
      return (
        next !== undefined &&
        search(
          left.filter((other) => other !== operation),
          next.state,
        )
      );
    });
  };
  return search(operations, undefined);
}

/** Few values, so that histories are right about as often as wrong; `unique` makes them as the pruning wants them. */
function histories(unique: boolean): fc.Arbitrary<Op[]> {
  const value = fc.constantFrom('a', 'b', 'c');
  const seen = fc.option(value, { nil: undefined });
  const shape = fc.record({
    kind: fc.constantFrom('get', 'put', 'cas'),
    value,
    seen,
    expected: seen,
    ok: fc.boolean(),
    open: fc.nat(3).map((n) => n === 0),
    from: fc.integer({ min: 0, max: 12 }),
    length: fc.integer({ min: 1, max: 6 }),
  });
  return fc.array(shape, { minLength: 1, maxLength: 6 }).map((shapes) => {
    const written = new Set<string>();
    return shapes.flatMap(({ kind, value, seen, expected, ok, open, from, length }, i): Op[] => {
      if (unique && kind !== 'get' && written.has(value)) return [];
      if (kind !== 'get') written.add(value);
      const calledAt = from * 10 + i;
      const input: RegisterInput =
        kind === 'get'
          ? { kind, key: 'k' }
          : kind === 'put'
            ? { kind, key: 'k', value }
            : { kind: 'cas', key: 'k', expected, value };
      if (open) return [{ client: i, input, calledAt, returnedAt: Number.POSITIVE_INFINITY }];
      const output: RegisterOutput =
        kind === 'get'
          ? { kind: 'got', value: seen }
          : kind === 'put' || ok
            ? { kind: 'done' }
            : { kind: 'held', value: seen };
      return [{ client: i, input, calledAt, returnedAt: calledAt + length * 10 + 3, output }];
    });
  });
}

const { prune: _, ...unpruned } = registerModel;

describe('checkLinearizable', () => {
  it('decides as trying every order does', () => {
    let right = 0;
    fc.assert(
      fc.property(histories(false), (operations) => {
        const expected = existsOrder(operations);
        if (expected) right += 1;
        const model: Model<RegisterInput, RegisterOutput, string | undefined> = unpruned;
        expect(checkLinearizable(operations, model).kind).toBe(expected ? 'linearizable' : 'violation');
      }),
      { numRuns: 3_000 },
    );
    // Neither answer would be found out if only one of them ever came.
    expect(right).toBeGreaterThan(300);
    expect(right).toBeLessThan(2_700);
  });

  it('decides the same after pruning, where values are unique', () => {
    fc.assert(
      fc.property(histories(true), (operations) => {
        const expected = existsOrder(operations) ? 'linearizable' : 'violation';
        expect(checkLinearizable(operations, registerModel).kind).toBe(expected);
      }),
      { numRuns: 3_000 },
    );
  });

  it('tells apart which of the unknown calls it has used up', () => {
    const history = new History<RegisterInput, RegisterOutput>();
    history.call(0, { kind: 'put', key: 'k', value: 'x' }).returned({ kind: 'done' });
    history.call(1, { kind: 'put', key: 'k', value: 'a' }).unknown();
    history.call(2, { kind: 'cas', key: 'k', expected: 'x', value: 'a' }).unknown();
    history.call(0, { kind: 'get', key: 'k' }).returned({ kind: 'got', value: 'a' });
    history.call(0, { kind: 'put', key: 'k', value: 'y' }).returned({ kind: 'done' });
    // The comparison cannot hold any more, so the first reading must be due to it and this one to the put.
    history.call(0, { kind: 'get', key: 'k' }).returned({ kind: 'got', value: 'a' });
    expect(checkLinearizable(history.operations(), registerModel).kind).toBe('linearizable');
  });

  it('checks keys apart and names the one that is wrong', () => {
    const history = new History<RegisterInput, RegisterOutput>();
    for (const key of ['a', 'b']) {
      history.call(0, { kind: 'put', key, value: `${key}1` }).returned({ kind: 'done' });
      history.call(0, { kind: 'put', key, value: `${key}2` }).returned({ kind: 'done' });
    }
    history.call(1, { kind: 'get', key: 'a' }).returned({ kind: 'got', value: 'a2' });
    expect(checkLinearizable(history.operations(), registerModel).kind).toBe('linearizable');
    history.call(1, { kind: 'get', key: 'b' }).returned({ kind: 'got', value: 'b1' });
    const result = checkLinearizable(history.operations(), registerModel);
    expect(result).toMatchObject({ kind: 'violation', key: 'b', stuckAt: { input: { kind: 'get' } } });
  });

  it('gives up at its limit and says so', () => {
    const history = new History<RegisterInput, RegisterOutput>();
    const calls = Array.from({ length: 12 }, (_, i) => history.call(i, { kind: 'put', key: 'k', value: `v${i}` }));
    for (const call of calls) call.returned({ kind: 'done' });
    history.call(0, { kind: 'get', key: 'k' }).returned({ kind: 'got', value: 'nobody wrote this' });
    const result = checkLinearizable(history.operations(), registerModel, { stepLimit: 500 });
    expect(result).toMatchObject({ kind: 'undecided', key: 'k' });
    expect(checkLinearizable(history.operations(), registerModel).kind).toBe('violation');
  });
});

/** A right register under many clients, with one answer in twenty lost. */
function longHistory(count: number, clients: number, seed: number): Op[] {
  let state = seed;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return Math.floor((state / 0x8000_0000) * below);
  };
  const history = new History<RegisterInput, RegisterOutput>();
  let value: string | undefined;
  const busy = new Map<number, () => void>();
  for (let i = 0; i < count; ) {
    const client = random(clients);
    const finish = busy.get(client);
    if (finish !== undefined) {
      finish();
      busy.delete(client);
      continue;
    }
    i += 1;
    const dice = random(3);
    const input: RegisterInput =
      dice === 0
        ? { kind: 'get', key: 'k' }
        : dice === 1
          ? { kind: 'put', key: 'k', value: `v${i}` }
          : { kind: 'cas', key: 'k', expected: random(2) === 0 ? value : `v${i - 3}`, value: `v${i}` };
    const call = history.call(client, input);
    const lost = random(20) === 0;
    const perform = (): void => {
      if (lost && random(2) === 0) return call.unknown();
      const before = value;
      const next = registerModel.step(value, input, undefined)!.state;
      value = next;
      if (lost) return call.unknown();
      const held = input.kind === 'cas' && next !== input.value;
      call.returned(
        input.kind === 'get'
          ? { kind: 'got', value: before }
          : held
            ? { kind: 'held', value: before }
            : { kind: 'done' },
      );
    };
    busy.set(client, perform);
  }
  return [...history.operations()];
}

describe('a history of thousands of calls', () => {
  it('is decided, lost answers included', () => {
    for (let seed = 1; seed <= 5; seed++) {
      expect(checkLinearizable(longHistory(3_000, 12, seed), registerModel).kind).toBe('linearizable');
    }
  });

  it('with one stale read is refused', () => {
    const operations = longHistory(1_000, 6, 7);
    const reads = operations.filter(({ output }) => output?.kind === 'got');
    const [early, late] = [reads[20]!, reads.at(-1)!];
    expect(early.output).not.toEqual(late.output);
    const planted = operations.map((one) => (one === late ? { ...late, output: early.output! } : one));
    expect(checkLinearizable(planted, registerModel).kind).toBe('violation');
  });

  it('with one acknowledged write that never was is refused', () => {
    const operations = longHistory(1_000, 6, 8);
    const reads = new Set(operations.flatMap(({ output }) => (output?.kind === 'got' ? [output.value] : [])));
    const seen = operations.find(({ input }) => input.kind === 'put' && reads.has(input.value))!;
    const planted = operations.filter((one) => one !== seen);
    expect(checkLinearizable(planted, registerModel).kind).toBe('violation');
  });
});

describe('History', () => {
  it('drops what failed and keeps what is open as unknown', () => {
    const history = new History<string, string>();
    const open = history.call(0, 'open');
    history.call(1, 'failed').failed();
    const lost = history.call(2, 'lost');
    lost.unknown();
    history.call(3, 'done').returned('answer');
    const seen = history
      .operations()
      .map(({ input, returnedAt, output }) => [input, Number.isFinite(returnedAt), output]);
    expect(seen).toEqual([
      ['open', false, undefined],
      ['lost', false, undefined],
      ['done', true, 'answer'],
    ]);
    expect(() => lost.returned('late')).toThrow(/closed twice/);
    open.returned('late');
    expect(history.operations()[0]).toMatchObject({ input: 'open', output: 'late' });
  });
});
