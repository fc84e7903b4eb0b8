import type { LeaseTable } from '@kontiki/lease';
import { type Backend, type MvccOptions, MvccStore } from '@kontiki/mvcc';
import type { rpc } from '@kontiki/proto';
import { fromLatin1, printable } from '@kontiki/std';
import { Alarms } from '../apply/alarms.js';
import { Membership } from '../cluster/members.js';
import { STORAGE_VERSION } from '../cluster/version.js';
import { DataDirError } from './data-dir.js';
import { AlarmsTable } from './tables/alarms.js';
import { LeasesTable } from './tables/leases.js';
import { MembersTable } from './tables/members.js';
import { MetaTable } from './tables/meta.js';

/** The state machine's contents as the tables on disk hold them. */
export interface Tables {
  readonly backend: Backend;
  readonly meta: MetaTable;
  readonly store: MvccStore;
  readonly leaseStore: LeasesTable;
  readonly alarms: Alarms;
  readonly membership: Membership;
}

export interface TablesOptions {
  readonly backend: Backend;
  readonly clusterId: bigint;
  /** Filled with the leases found, and with the keys attached to them. */
  readonly leases: LeaseTable;
  readonly mvcc: Omit<MvccOptions, 'backend' | 'onAttached'>;
  readonly onAlarm: (alarm: rpc.AlarmMember, raised: boolean) => void;
}

/**
 * Loads everything the tables hold.
 * @throws DataDirError for a layout of another version; MvccError CORRUPT
 */
export async function openTables(options: TablesOptions): Promise<Tables> {
  const { backend, leases } = options;
  const meta = new MetaTable(backend);
  const version = meta.storageVersion();
  if (version !== undefined && version !== STORAGE_VERSION) {
    throw new DataDirError(
      `the database has the layout of version ${version}, this program reads ${STORAGE_VERSION}: ` +
        'start the version that wrote it',
    );
  }
  const leaseStore = new LeasesTable(backend);
  leases.restore(
    (await leaseStore.load()).map(({ ID, TTL, RemainingTTL }) => ({
      id: ID,
      ttlSeconds: TTL,
      ...(RemainingTTL > 0 && { remainingSeconds: RemainingTTL }),
    })),
  );
  const store = await MvccStore.open({
    ...options.mvcc,
    backend,
    onAttached: (key, lease) => {
      if (leases.has(lease)) leases.attach(lease, key);
      else {
        options.mvcc.logger?.warn('a key names a lease that is gone', {
          key: printable(fromLatin1(key)),
          lease: BigInt.asUintN(64, lease).toString(16),
        });
      }
    },
  });
  const members = new MembersTable(backend);
  const alarms = new AlarmsTable(backend);
  return {
    backend,
    meta,
    store,
    leaseStore,
    alarms: new Alarms(alarms, await alarms.load(), options.onAlarm),
    membership: new Membership(options.clusterId, members, await members.load()),
  };
}
