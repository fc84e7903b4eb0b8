import type { Backend } from '@kontiki/mvcc';
import { crc32c, toLatin1 } from '@kontiki/std';

/** How large this member's database is, and what could give space back. */
export interface Database {
  sizeBytes(): number;
  sizeInUseBytes(): number;
  /** Gives back to the disk what deleted data still holds. */
  defragment(): Promise<void>;
  /** CRC-32C over every table but those that say how far this member is. */
  hash(): Promise<number>;
}

/** What says how far a member is, and therefore differs between members with equal data. */
const LOCAL_KEYS: Readonly<Record<string, readonly string[]>> = {
  meta: ['consistent_index', 'term', 'storageVersion'],
};

/** The backend as the maintenance service sees it. */
export function databaseOf(backend: Backend): Database {
  return {
    sizeBytes: () => backend.sizeBytes(),
    sizeInUseBytes: () => backend.sizeInUseBytes(),
    defragment: () => backend.defragment(),
    hash: () => hashTables(backend),
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
