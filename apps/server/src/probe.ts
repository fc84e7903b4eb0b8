import { from } from '@kontiki/mvcc';
import { CORRUPT, NOSPACE } from './apply/alarms.js';
import type { HealthProbe } from './http/health.js';
import type { Node } from './node/node.js';
import { toRpcError } from './rpc/errors.js';

/** How the health endpoints look at a member: by reading from it, as a client would. */
export function probeOf(node: Node): HealthProbe {
  const readOne = async (): Promise<void> => {
    node.store.range(from('\0'), { limit: 1, keysOnly: true });
  };
  return {
    serializableRead: () => inClientWords(readOne),
    linearizableRead: () =>
      inClientWords(async () => {
        await node.readBarrier();
        await readOne();
      }),
    alarms: () => [
      ...(node.alarms.has(NOSPACE) ? (['NOSPACE'] as const) : []),
      ...(node.alarms.has(CORRUPT) ? (['CORRUPT'] as const) : []),
    ],
    hasLeader: () => node.hasLeader,
    isLearner: () => node.isLearner,
  };
}

/** A failed check gives the text that a client of the same read would see. */
async function inClientWords(read: () => Promise<void>): Promise<void> {
  try {
    await read();
  } catch (error) {
    throw toRpcError(error);
  }
}
