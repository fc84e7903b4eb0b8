import { MvccStore, prefix, single } from '@kontiki/mvcc';
import { openLevelBackend } from '@kontiki/mvcc/level';
import { systemClock as clock } from '@kontiki/std/node';
import { Level } from 'level';

const db = new Level<Uint8Array, Uint8Array>('data', { keyEncoding: 'view', valueEncoding: 'view' });
const backend = await openLevelBackend(db, { clock, directory: 'data' });
const store = await MvccStore.open({ backend, clock });

store.put('users/ann', Buffer.from('admin'));
const { revision } = store.put('users/bob', Buffer.from('guest'));

// Nobody touched bob since? Then he goes: one step, one revision.
store.txn({
  compares: [{ range: single('users/bob'), target: 'mod', result: 'equal', number: revision }],
  success: [{ kind: 'delete', range: single('users/bob') }],
  failure: [],
});

console.log(
  'now:',
  store.range(prefix('users/')).kvs.map(({ key }) => Buffer.from(key).toString()),
);
console.log(
  'then:',
  store.range(prefix('users/'), { revision }).kvs.map(({ key }) => Buffer.from(key).toString()),
);

for await (const batch of store.watch({ range: prefix('users/'), startRevision: 2 })) {
  if (batch.kind === 'compacted') break;
  for (const { type, kv } of batch.events) console.log(kv.modRevision, type, Buffer.from(kv.key).toString());
  if (batch.events.at(-1)?.kv.modRevision === store.revision) break;
}

await store.close();
await backend.close();
