/*
 * What a Backend must do, as data: a list of named cases for whichever test runner is at hand.
 *
 *   for (const { name, run } of backendSuite(place)) it(name, run);
 */
import { assert, compare, equals, fromLatin1, SeededRandom, toLatin1 } from '@kontiki/std';
import type { Backend, ScanOptions } from '../backend/backend.js';

/** Somewhere backends can be opened on: one after the other they find what the one before left. */
export interface BackendPlace {
  open(): Promise<Backend>;
  /** Called when a case is over and its last backend closed. */
  remove?(): Promise<void>;
}

export interface BackendCase {
  readonly name: string;
  run(): Promise<void>;
}

/**
 * @param newPlace  makes an empty place for each case
 * @param options.durable  false for a place that forgets everything with its backend: leaves out what needs more
 */
export function backendSuite(
  newPlace: () => Promise<BackendPlace> | BackendPlace,
  options: { readonly durable: boolean },
): readonly BackendCase[] {
  const cases: BackendCase[] = [];
  const add = (name: string, body: (backend: Backend, reopen: () => Promise<Backend>) => Promise<void>): void => {
    const run = async (): Promise<void> => {
      const place = await newPlace();
      let backend = await place.open();
      const reopen = async (): Promise<Backend> => {
        await backend.close();
        backend = await place.open();
        return backend;
      };
      try {
        await body(backend, reopen);
      } finally {
        await backend.close();
        await place.remove?.();
      }
    };
    cases.push({ name, run });
  };

  add('reads what was put, before and after a commit', async (backend) => {
    backend.put('a', bytes('k'), bytes('1'));
    is(read(backend, 'a', 'k'), '1');
    await backend.commit();
    is(read(backend, 'a', 'k'), '1');
    backend.put('a', bytes('k'), bytes('2'));
    is(read(backend, 'a', 'k'), '2');
    is(read(backend, 'a', 'other'), undefined);
    is(read(backend, 'never written', 'k'), undefined);
  });

  add('forgets what was deleted, whether it was committed or not', async (backend) => {
    backend.put('a', bytes('k'), bytes('1'));
    backend.delete('a', bytes('k'));
    is(read(backend, 'a', 'k'), undefined);
    backend.put('a', bytes('k'), bytes('2'));
    await backend.commit();
    backend.delete('a', bytes('k'));
    is(read(backend, 'a', 'k'), undefined);
    await backend.commit();
    is(read(backend, 'a', 'k'), undefined);
    backend.delete('a', bytes('k'));
    backend.delete('never written', bytes('k'));
    await backend.commit();
  });

  add('keeps tables apart, and empty keys and values', async (backend) => {
    backend.put('a', bytes(''), bytes('1'));
    backend.put('b', bytes(''), bytes(''));
    backend.put('b', bytes('\xff\xff'), bytes('\0'));
    for (let round = 0; round < 2; round++) {
      is(read(backend, 'a', ''), '1');
      is(read(backend, 'b', ''), '');
      is(await list(backend, 'a'), '=1');
      is(await list(backend, 'b'), '= \xff\xff=\0');
      await backend.commit();
    }
    is(backend.tables().toSorted().join(), 'a,b');
  });

  add('scans in the order of unsigned bytes, within bounds', async (backend) => {
    const keys = ['', '\0', '\0\0', 'a', 'a\0', 'ab', 'b', '\x7f', '\x80', '\xff', '\xff\0'];
    for (const key of keys.toReversed()) backend.put('t', bytes(key), bytes('v'));
    const bounds: ScanOptions[] = [{}];
    for (const start of keys) {
      bounds.push({ start: bytes(start) }, { end: bytes(start) });
      for (const end of keys) bounds.push({ start: bytes(start), end: bytes(end) });
    }
    for (let round = 0; round < 2; round++) {
      for (const { start, end } of bounds) {
        const expected = keys.filter(
          (key) =>
            (start === undefined || compare(bytes(key), start) >= 0) &&
            (end === undefined || compare(bytes(key), end) < 0),
        );
        const scanned = await list(backend, 't', { ...(start && { start }), ...(end && { end }) });
        is(scanned, expected.map((key) => `${key}=v`).join(' '));
      }
      await backend.commit();
    }
  });

  add('lays writes that are not committed over a scan, in chunks of any size', async (backend) => {
    for (let i = 0; i < 30; i += 2) backend.put('t', bytes(`k${10 + i}`), bytes('old'));
    await backend.commit();
    for (let i = 0; i < 30; i += 3) backend.put('t', bytes(`k${10 + i}`), bytes('new'));
    for (let i = 0; i < 30; i += 5) backend.delete('t', bytes(`k${10 + i}`));
    backend.put('t', bytes('k99'), bytes('last'));
    const expected: string[] = [];
    for (let i = 0; i < 30; i++) {
      if (i % 5 === 0 || (i % 2 !== 0 && i % 3 !== 0)) continue;
      expected.push(`k${10 + i}=${i % 3 === 0 ? 'new' : 'old'}`);
    }
    expected.push('k99=last');
    for (const chunk of [1, 2, 7, 1000]) is(await list(backend, 't', { chunk }), expected.join(' '));
    await backend.commit();
    for (const chunk of [1, 2, 7, 1000]) is(await list(backend, 't', { chunk }), expected.join(' '));
  });

  add('shows a scan the state at its call, whatever is written while it goes on', async (backend) => {
    for (let i = 0; i < 50; i++) backend.put('t', bytes(`k${10 + i}`), bytes('a'));
    await backend.commit();
    backend.put('t', bytes('k20'), bytes('b'));
    const scan = backend.scan('t', { chunk: 3 });
    for (let i = 0; i < 50; i++) backend.put('t', bytes(`k${10 + i}`), bytes('c'));
    backend.put('t', bytes('k99'), bytes('c'));
    await backend.commit();
    const values: string[] = [];
    for await (const records of scan) {
      for (const [, value] of records) values.push(toLatin1(value));
      backend.delete('t', bytes('k59'));
      await backend.commit();
    }
    is(values.join(''), `${'a'.repeat(10)}b${'a'.repeat(39)}`);
  });

  add('can be left in the middle of a scan', async (backend) => {
    for (let i = 0; i < 50; i++) backend.put('t', bytes(`k${10 + i}`), bytes('a'));
    await backend.commit();
    for await (const records of backend.scan('t', { chunk: 5 })) {
      assert(records.length > 0, 'a chunk is not empty');
      break;
    }
    backend.put('t', bytes('k10'), bytes('b'));
    is(read(backend, 't', 'k10'), 'b');
  });

  add('tells what is pending', async (backend) => {
    is(backend.pending.changes, 0);
    backend.put('t', bytes('key'), bytes('value'));
    backend.put('t', bytes('key'), bytes('val'));
    backend.delete('t', bytes('x'));
    is(backend.pending.changes, 2);
    is(backend.pending.bytes, 7);
    await backend.commit();
    is(backend.pending.changes, 0);
    is(backend.pending.bytes, 0);
  });

  add('tells sizes that follow what is stored', async (backend) => {
    const before = backend.sizeInUseBytes();
    for (let i = 0; i < 100; i++) backend.put('t', bytes(`k${i}`), new Uint8Array(1000).fill(i));
    assert(backend.sizeBytes() >= 100_000, 'what is pending is part of the size');
    await backend.commit({ sync: true });
    await backend.defragment();
    const full = backend.sizeInUseBytes();
    assert(full > before, 'records are in use');
    assert(backend.sizeBytes() >= full, 'what is in use is part of the size');
    for (let i = 0; i < 100; i++) backend.delete('t', bytes(`k${i}`));
    await backend.commit({ sync: true });
    await backend.defragment();
    assert(backend.sizeInUseBytes() < full / 2, 'deleted records are not in use');
  });

  add('serves commits in order, empty ones too', async (backend) => {
    backend.put('t', bytes('a'), bytes('1'));
    const done: string[] = [];
    const first = backend.commit().then(() => done.push('first'));
    backend.put('t', bytes('b'), bytes('2'));
    const second = backend.commit({ sync: true }).then(() => done.push('second'));
    const third = backend.commit().then(() => done.push('third'));
    is(read(backend, 't', 'a'), '1');
    is(read(backend, 't', 'b'), '2');
    await Promise.all([first, second, third]);
    is(done.join(), 'first,second,third');
    is(await list(backend, 't'), 'a=1 b=2');
  });

  add('goes on while it is defragmented', async (backend) => {
    for (let i = 0; i < 100; i++) backend.put('t', bytes(`k${100 + i}`), bytes('1'));
    await backend.commit();
    const done = backend.defragment();
    backend.put('t', bytes('k100'), bytes('2'));
    is(read(backend, 't', 'k100'), '2');
    is(read(backend, 't', 'k199'), '1');
    await done;
    is((await list(backend, 't')).split(' ').length, 100);
  });

  add('refuses everything once it is closed', async (backend) => {
    await backend.close();
    await backend.close();
    const uses: (() => unknown)[] = [
      () => backend.get('t', bytes('k')),
      () => backend.put('t', bytes('k'), bytes('v')),
      () => backend.delete('t', bytes('k')),
      () => backend.scan('t'),
    ];
    for (const use of uses) is(codeOf(use), 'CLOSED');
    is(await backend.commit().then(String, codeOfError), 'CLOSED');
  });

  if (!options.durable) return cases;

  add('finds everything again after it was closed', async (backend, reopen) => {
    backend.put('b', bytes('k'), bytes('1'));
    backend.put('a', bytes('k'), bytes('2'));
    await backend.commit();
    backend.put('a', bytes('k'), bytes('3'));
    backend.delete('b', bytes('k'));
    backend.put('c', bytes('not committed by anyone'), bytes('4'));
    const again = await reopen();
    is(await list(again, 'a'), 'k=3');
    is(await list(again, 'b'), '');
    is(await list(again, 'c'), 'not committed by anyone=4');
    is(again.tables().toSorted().join(), 'a,b,c');
    is(again.pending.changes, 0);
    again.put('d', bytes('k'), bytes('5'));
    const third = await reopen();
    is(await list(third, 'd'), 'k=5');
    is(await list(third, 'a'), 'k=3');
  });

  add('remembers what is in use', async (backend, reopen) => {
    for (let i = 0; i < 100; i++) backend.put('t', bytes(`k${i}`), noise(i));
    await backend.commit({ sync: true });
    await backend.defragment();
    const before = backend.sizeInUseBytes();
    const again = await reopen();
    is(again.sizeInUseBytes(), before);
  });
  return cases;
}

const bytes = (text: string): Uint8Array => fromLatin1(text);

/** 1000 bytes nobody can compress. */
function noise(seed: number): Uint8Array {
  const random = new SeededRandom(seed);
  return Uint8Array.from({ length: 1000 }, () => random.int(256));
}

function is(actual: unknown, expected: unknown): void {
  assert(actual === expected, `expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`);
}

function read(backend: Backend, table: string, key: string): string | undefined {
  const value = backend.get(table, bytes(key));
  return value && toLatin1(value);
}

async function list(backend: Backend, table: string, options?: ScanOptions): Promise<string> {
  const found: string[] = [];
  let last: Uint8Array | undefined;
  for await (const records of backend.scan(table, options)) {
    for (const [key, value] of records) {
      if (last !== undefined)
        assert(compare(last, key) < 0 && !equals(last, key), 'a scan shows every key once, in order');
      last = key;
      found.push(`${toLatin1(key)}=${toLatin1(value)}`);
    }
  }
  return found.join(' ');
}

function codeOf(use: () => unknown): string {
  try {
    use();
    return 'nothing was thrown';
  } catch (error) {
    return codeOfError(error);
  }
}

function codeOfError(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
