/*
 * What a data directory holds, opened: the log, or a founded one where there is none, and the database that goes with it.
 */
import type { Backend } from '@kontiki/mvcc';
import { begin, type KnownMember } from '../cluster/founding.js';
import type { ServerOptions } from '../config/options.js';
import { type Bootstrapped, bootstrap } from '../storage/bootstrap.js';
import { type DataDir, DataDirError } from '../storage/data-dir.js';
import { databasesUpTo, listDatabases } from '../storage/database-dirs.js';
import { removeLeftSnapshots } from '../storage/snapshots.js';
import { MetaTable } from '../storage/tables/meta.js';
import type { World } from './world.js';

/** How long another member may take to say who is in the cluster. */
const ASK_MEMBERS_MS = 2000;

/**
 * The database that goes with the log; what a crash left of others is removed.
 * @param markIndex the log's last snapshot
 */
export async function openDatabase(
  world: World,
  { snap }: DataDir,
  markIndex: number,
  fail: (error: unknown) => void,
): Promise<{ readonly backend: Backend; readonly path: string }> {
  const { fileSystem } = world;
  await removeLeftSnapshots(fileSystem, snap);
  const { candidates, unfinished } = await databasesUpTo(fileSystem, snap, markIndex);
  const opened: { readonly backend: Backend; readonly path: string; readonly applied: number }[] = [];
  try {
    for (const path of candidates) {
      const backend = await openOne(world, path, fail);
      opened.push({ backend, path, applied: new MetaTable(backend).applied().index });
    }
    // One that raft had no use for is behind.
    const best = opened.reduce((a, b) => (b.applied >= a.applied ? b : a));
    for (const { backend, path } of opened.splice(0)) {
      if (path === best.path) continue;
      await backend.close();
      await world.removeDatabase(path);
    }
    for (const path of unfinished) await world.removeDatabase(path);
    return best;
  } catch (error) {
    for (const { backend } of opened) await backend.close();
    throw error;
  }
}

async function openOne(world: World, path: string, fail: (error: unknown) => void): Promise<Backend> {
  try {
    return await world.openBackend(path, fail);
  } catch (error) {
    const reason = error instanceof Error ? rootMessage(error) : String(error);
    throw new DataDirError(
      `the database in ${path} cannot be opened: ${reason}. Nothing was changed; ` +
        'restore the data directory from a backup, or remove the member and add it anew',
      { cause: error },
    );
  }
}

function rootMessage(error: Error): string {
  return error.cause instanceof Error ? rootMessage(error.cause) : error.message;
}

/** The log of a member that goes on or has just been founded. */
export interface OpenedLog extends Bootstrapped {
  /** Members that a member which joins was told of. */
  readonly known: readonly KnownMember[];
}

/**
 * The log; where there is none, that of a member that founds or joins a cluster.
 * @throws DataDirError, WalError, FoundingError
 */
export async function openLog(options: ServerOptions, world: World, dataDir: DataDir): Promise<OpenedLog> {
  let known: readonly KnownMember[] = [];
  const bootstrapped = await bootstrap({
    fileSystem: world.fileSystem,
    walDirectory: dataDir.wal,
    founding: async () => {
      await refuseOrphan(world, dataDir);
      const beginning = await begin({
        name: options.member.name,
        initialCluster: options.clustering.initialCluster,
        state: options.clustering.initialClusterState,
        token: options.clustering.initialClusterToken,
        sha1: world.sha1,
        logger: world.logger('cluster/founding'),
        membersOf: (urls) => world.remote.members(urls, ASK_MEMBERS_MS),
        resolve: (urls) => world.resolve(urls),
      });
      known = beginning.known;
      return { memberId: beginning.memberId, clusterId: beginning.clusterId, members: beginning.founders };
    },
    wal: {
      clock: world.clock,
      logger: world.logger('wal'),
      sync: options.member.sync,
      ...world.metrics.wal,
    },
    maxSegments: options.member.maxWalFiles,
  });
  return { ...bootstrapped, known };
}

/** A database without its log must not become that of a new member. */
async function refuseOrphan(world: World, { snap, wal }: DataDir): Promise<void> {
  for (const { path } of await listDatabases(world.fileSystem, snap)) {
    if (!(await world.fileSystem.exists(path))) continue;
    const backend = await openOne(world, path, () => {});
    const applied = new MetaTable(backend).applied().index;
    await backend.close();
    if (applied > 0) {
      throw new DataDirError(
        `${wal} holds no log, but the database beside it has applied ${applied} entries: the log was ` +
          'removed or --wal-dir points elsewhere. Put it back, or restore the data directory from a backup',
      );
    }
  }
}
