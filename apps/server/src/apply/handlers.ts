import type { LeaseTable } from '@kontiki/lease';
import type { Change, MvccStore } from '@kontiki/mvcc';
import type { rpc } from '@kontiki/proto';
import type { Membership } from '../cluster/members.js';
import type { Alarms } from './alarms.js';

/** Where granted leases are kept. Must write in the batch of the entry that changed them. */
export interface LeaseStore {
  save(id: bigint, ttlSeconds: number, remainingTtl?: number): void;
  remove(id: bigint): void;
}

/** Everything a request can change, and nothing a handler could learn on one member only. */
export interface State {
  readonly store: MvccStore;
  readonly leases: LeaseTable;
  readonly leaseStore: LeaseStore;
  readonly alarms: Alarms;
  readonly membership: Membership;
  /** Whether lease checkpoints outlast a restart before all members expect it (`LeaseCheckpointPersist`). */
  readonly keepCheckpoints: boolean;
  /** Monotonic milliseconds. Reaches lease deadlines only, which the primary alone acts on. */
  nowMs(): number;
}

/** What an applied request came to. `header` holds the revision; whoever answers the client fills in the rest. */
export interface Reply {
  readonly header?: rpc.ResponseHeader | undefined;
}

/** A compaction is answered at once; the deletion goes on. */
export interface CompactionReply extends Reply {
  /** Resolves when this member has deleted what the compaction gave up. */
  readonly deleted: Promise<void>;
}

/** Keys follow their leases: a put moves or detaches its key, a delete detaches it. */
export function followChanges(changes: readonly Change[], leases: LeaseTable): void {
  for (const change of changes) {
    if (change.kind === 'put' && change.lease !== 0n) leases.attach(change.lease, change.key);
    else leases.detach(change.key);
  }
}
