import { Deferred } from '@kontiki/std';
import { describe, expect, it } from 'vitest';
import { Lane } from './lane.js';

const drain = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a lane', () => {
  it('finishes tasks in the order they came, whatever order they end in', async () => {
    const order: string[] = [];
    const lane = new Lane(() => {});
    const [a, b] = [new Deferred<void>(), new Deferred<void>()];
    lane.push(a.promise, () => order.push('a'));
    lane.push(b.promise, () => order.push('b'));
    lane.push(undefined, () => order.push('c'));
    b.resolve();
    await drain();
    expect([order, lane.pending]).toEqual([[], 3]);
    a.resolve();
    await drain();
    expect([order, lane.pending]).toEqual([['a', 'b', 'c'], 0]);
    lane.push(undefined, () => order.push('d'));
    expect(order).toEqual(['a', 'b', 'c', 'd']);
  });

  it('after a failure nothing finishes, and only the first is told', async () => {
    const order: unknown[] = [];
    const lane = new Lane((error) => order.push(error));
    const good = new Deferred<void>();
    lane.push(good.promise, () => order.push('good'));
    lane.push(Promise.reject(new Error('bad')), () => order.push('bad'));
    lane.push(Promise.reject(new Error('worse')), () => order.push('worse'));
    await drain();
    good.resolve();
    await drain();
    expect(order).toEqual([new Error('bad')]);
  });

  it('closing waits for what runs', async () => {
    const task = new Deferred<void>();
    const lane = new Lane(() => {});
    lane.push(task.promise, () => expect.unreachable());
    let closed = false;
    const closing = lane.close().then(() => (closed = true));
    await drain();
    expect(closed).toBe(false);
    task.resolve();
    await closing;
    await new Lane(() => {}).close();
  });
});
