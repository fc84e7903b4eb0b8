import type { LeaseTable } from '@kontiki/lease';
import { type Backend, type MvccOptions, MvccStore } from '@kontiki/mvcc';
import type { rpc } from '@kontiki/proto';
import { Deferred, fromLatin1, printable } from '@kontiki/std';
import { Alarms } from '../apply/alarms.js';
import { Membership } from '../cluster/members.js';
import { STORAGE_VERSION } from '../cluster/version.js';
import type { BackendSlot } from './backend-slot.js';
import { DataDirError } from './data-dir.js';
import { AlarmsTable } from './tables/alarms.js';
import { LeasesTable } from './tables/leases.js';
import { MembersTable } from './tables/members.js';
import { MetaTable } from './tables/meta.js';

/** The state machine's contents as the tables on disk hold them. */
export interface Tables {
  readonly backend: BackendSlot;
  readonly meta: MetaTable;
  readonly store: MvccStore;
  readonly leaseStore: LeasesTable;
  readonly alarms: Alarms;
  readonly membership: Membership;
  /**
   * Takes another database's contents for its own. Readers see the state before until it is loaded, then, from one turn
   * to the next, the new one; watchers go on. Nothing may be applied meanwhile. Resolves with the switch.
   * @returns the backend that was in use: closing it is the caller's, once `unused` has settled
   * @throws as {@link openTables}; nothing has changed then
   */
  replace(next: Backend): Promise<{ readonly before: Backend; readonly unused: Promise<void> }>;
}

export interface TablesOptions {
  readonly backend: BackendSlot;
  readonly clusterId: bigint;
  /** Filled with the leases found, and with the keys attached to them. */
  readonly leases: LeaseTable;
  readonly maxLearners: number;
  readonly mvcc: Omit<MvccOptions, 'backend' | 'onAttached'>;
  readonly onAlarm: (alarm: rpc.AlarmMember, raised: boolean) => void;
}

/**
 * Loads everything the tables hold.
 * @throws DataDirError for a layout of another version; MvccError CORRUPT
 */
export async function openTables(options: TablesOptions): Promise<Tables> {
  const { leases, backend } = options;
  const attach = (key: string, lease: bigint): void => {
    if (leases.has(lease)) leases.attach(lease, key);
    else {
      options.mvcc.logger?.warn('a key names a lease that is gone', {
        key: printable(fromLatin1(key)),
        lease: BigInt.asUintN(64, lease).toString(16),
      });
    }
  };
  const loaded = await load(backend);
  leases.restore(loaded.leases);
  const store = await MvccStore.open({ ...options.mvcc, backend: backend.current, onAttached: attach });
  const alarms = new Alarms(new AlarmsTable(backend), loaded.alarms, options.onAlarm);
  const membership = new Membership(
    options.clusterId,
    new MembersTable(backend),
    loaded.membership,
    options.maxLearners,
  );
  return {
    backend,
    meta: new MetaTable(backend),
    store,
    leaseStore: new LeasesTable(backend),
    alarms,
    membership,
    async replace(next) {
      const fresh = await load(next);
      const attached: (readonly [key: string, lease: bigint])[] = [];
      const switched = new Deferred<Backend>();
      const unused = store.replace(next, {
        onAttached: (key, lease) => attached.push([key, lease]),
        onSwitch: () => {
          leases.restore(fresh.leases);
          for (const [key, lease] of attached) attach(key, lease);
          const before = backend.swap(next);
          alarms.restore(fresh.alarms);
          membership.restore(fresh.membership);
          switched.resolve(before);
        },
      });
      // Resolves after the switch, or rejects without one.
      const before = await Promise.race([switched.promise, unused.then(() => switched.promise)]);
      return { before, unused };
    },
  };
}

type Leases = Parameters<LeaseTable['restore']>[0];

/** Everything but the keys. */
async function load(backend: Backend): Promise<{
  readonly leases: Leases;
  readonly alarms: readonly rpc.AlarmMember[];
  readonly membership: Awaited<ReturnType<MembersTable['load']>>;
}> {
  const version = new MetaTable(backend).storageVersion();
  if (version !== undefined && version !== STORAGE_VERSION) {
    throw new DataDirError(
      `the database has the layout of version ${version}, this program reads ${STORAGE_VERSION}: ` +
        'start the version that wrote it',
    );
  }
  const leases = (await new LeasesTable(backend).load()).map(({ ID, TTL, RemainingTTL }) => ({
    id: ID,
    ttlSeconds: TTL,
    ...(RemainingTTL > 0 && { remainingSeconds: RemainingTTL }),
  }));
  return {
    leases,
    alarms: await new AlarmsTable(backend).load(),
    membership: await new MembersTable(backend).load(),
  };
}
