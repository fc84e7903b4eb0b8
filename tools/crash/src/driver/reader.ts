import type { Random } from '@kontiki/std';
import type { Client } from '../../../harness/src/index.js';
import { bytes, endOf, entryOf } from './convert.js';
import type { Recorder } from './recorder.js';
import { sharedKeys } from './writer.js';

/** One client that reads, linearizably, until a read fails. */
export async function readAlong(
  client: Client,
  random: Random,
  recorder: Recorder,
  running: () => boolean,
): Promise<void> {
  while (running()) {
    const single = random.int(3) > 0;
    const prefix = single ? sharedKeys[random.int(sharedKeys.length)]! : 's/';
    const calledAt = recorder.now();
    const rangeEnd = single ? new Uint8Array(0) : endOf(prefix);
    const reply = await client.kv.range({ key: bytes(prefix), rangeEnd });
    if (!reply.ok) return;
    const revision = reply.response.header?.revision ?? 0;
    const entries = new Map(reply.response.kvs.map(entryOf));
    recorder.see(revision);
    recorder.reads.push({ calledAt, returnedAt: recorder.now(), revision, prefix, single, entries });
    await new Promise((resolve) => setTimeout(resolve, random.int(5)));
  }
}
