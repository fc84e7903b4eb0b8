import type { Backend } from '@kontiki/mvcc';
import { type Clock, crc32c, type Gauge, type Histogram, toLatin1 } from '@kontiki/std';

/** How large this member's database is, and what could give space back. */
export interface Database {
  sizeBytes(): number;
  sizeInUseBytes(): number;
  /** Gives back to the disk what deleted data still holds. */
  defragment(): Promise<void>;
  /** CRC-32C over every table but those that say how far this member is. */
  hash(): Promise<number>;
}

export interface DatabaseMetrics {
  readonly defragSeconds: Histogram;
  /** 1 while the database is being defragmented. */
  readonly defragInflight: Gauge;
  readonly hashSeconds: Histogram;
}

/** What says how far a member is, and therefore differs between members with equal data. */
const LOCAL_KEYS: Readonly<Record<string, readonly string[]>> = {
  meta: ['consistent_index', 'term', 'storageVersion'],
};

/** The backend as the maintenance service sees it. */
export function databaseOf(backend: Backend, clock: Clock, metrics: DatabaseMetrics): Database {
  const timed = async <T>(seconds: Histogram, work: () => Promise<T>): Promise<T> => {
    const startedMs = clock.monotonic();
    const result = await work();
    seconds.observe((clock.monotonic() - startedMs) / 1000);
    return result;
  };
  let defragmenting = 0;
  return {
    sizeBytes: () => backend.sizeBytes(),
    sizeInUseBytes: () => backend.sizeInUseBytes(),
    async defragment() {
      metrics.defragInflight.set(1);
      defragmenting++;
      try {
        await timed(metrics.defragSeconds, () => backend.defragment());
      } finally {
        if (--defragmenting === 0) metrics.defragInflight.set(0);
      }
    },
    hash: () => timed(metrics.hashSeconds, () => hashTables(backend)),
  };
}

/** CRC-32C over every table in order of its name: the name, then each key and value. */
async function hashTables(backend: Backend): Promise<number> {
  let hash = 0;
  for (const table of [...backend.tables()].sort()) {
    hash = crc32c(new TextEncoder().encode(table), hash);
    const skipped = LOCAL_KEYS[table] ?? [];
    for await (const chunk of backend.scan(table)) {
      for (const [key, value] of chunk) {
        if (skipped.includes(toLatin1(key))) continue;
        hash = crc32c(value, crc32c(key, hash));
      }
    }
  }
  return hash;
}
