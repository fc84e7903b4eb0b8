import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MvccStore, prefix, single } from '@kontiki/mvcc';
import { openLevelBackend } from '@kontiki/mvcc/level';
import { toLatin1 } from '@kontiki/std';
import { systemClock } from '@kontiki/std/node';
import { Level } from 'level';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined): string => new TextDecoder().decode(value);

/** Keeps settings in `folder`, and tells `say` what it does. */
export async function run(folder: string, say: (line: string) => void): Promise<void> {
  const db = new Level<Uint8Array, Uint8Array>(folder, { keyEncoding: 'view', valueEncoding: 'view' });
  const backend = await openLevelBackend(db, { clock: systemClock, directory: folder });
  const store = await MvccStore.open({ backend, clock: systemClock });

  const { revision: first } = store.put('settings/colour', bytes('green'));
  store.put('settings/size', bytes('small'));

  // Only if nobody has changed it since: compare and write are one step.
  const swap = store.txn({
    compares: [{ range: single('settings/colour'), target: 'mod', result: 'equal', number: first }],
    success: [{ kind: 'put', key: 'settings/colour', value: bytes('blue') }],
    failure: [],
  });
  say(`swapped: ${swap.succeeded}`);

  const now = store.range(prefix('settings/')).kvs.map(({ key, value }) => `${toLatin1(key)}=${text(value)}`);
  say(`now: ${now.join(' ')}`);
  const [past] = store.range(single('settings/colour'), { revision: first }).kvs;
  say(`then: settings/colour=${text(past?.value)}`);

  // A watch may begin in the past: first history, then what happens next, with no gap between them.
  const watcher = store.watch({ range: prefix('settings/'), startRevision: first });
  store.deleteRange(single('settings/size'));
  for await (const batch of watcher) {
    if (batch.kind !== 'events') break;
    for (const { type, kv } of batch.events) say(`${type} ${text(kv.key)} at ${kv.modRevision}`);
    if (batch.events.some(({ type }) => type === 'delete')) break;
  }

  await store.compact(store.revision).done;
  say(`kept from revision ${store.compactedRevision}`);
  await store.close();
  await backend.close();
}

if (process.argv[1] === import.meta.filename) {
  const folder = mkdtempSync(join(tmpdir(), 'embedded-kv-'));
  await run(folder, console.log);
  rmSync(folder, { recursive: true });
}
