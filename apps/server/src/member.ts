/**
 * One member, from its data directory to the node its services use: the inner half of the wiring diagram.
 */
import { LeaseTable, Lessor } from '@kontiki/lease';
import type { Backend, MvccMetrics } from '@kontiki/mvcc';
import type { rpc } from '@kontiki/proto';
import { type ConfState, NOBODY, RaftDriver, type Transport } from '@kontiki/raft';
import type { Clock, Counter, FileSystem, Logger, Random } from '@kontiki/std';
import type { WalOptions } from '@kontiki/wal';
import { NOSPACE } from './apply/alarms.js';
import { Quota } from './apply/quota.js';
import type { Request } from './apply/request.js';
import { type Outcome, ServerStateMachine } from './apply/state-machine.js';
import { clusterId, hexId, memberId, type Sha1 } from './cluster/member-id.js';
import { STORAGE_VERSION } from './cluster/version.js';
import { parseInitialCluster } from './config/bootstrap.js';
import type { ServerOptions } from './config/options.js';
import { AutoCompaction } from './node/auto-compaction.js';
import { LeaderDuties } from './node/leader-duties.js';
import { Leadership } from './node/leadership.js';
import { Node } from './node/node.js';
import { Proposer } from './node/propose.js';
import type { ReadBarrierMetrics } from './node/read-barrier.js';
import { RequestIds } from './node/request-ids.js';
import { UniformTimeout } from './node/uniform-timeout.js';
import { defragmentAtBoot } from './storage/boot-defrag.js';
import { type Bootstrapped, bootstrap, type Founding } from './storage/bootstrap.js';
import { type DataDir, DataDirError, openDataDir } from './storage/data-dir.js';
import { type DatabaseMetrics, databaseOf } from './storage/database.js';
import { type SnapshotMetrics, TableSnapshots } from './storage/snapshots.js';
import { MetaTable } from './storage/tables/meta.js';
import { openTables, type Tables } from './storage/tables.js';

/** What a member needs of the world. A simulator gives its own. */
export interface World {
  readonly clock: Clock;
  readonly random: Random;
  readonly fileSystem: FileSystem;
  readonly sha1: Sha1;
  readonly transport: Transport;
  /** Opens the database in a folder; must reject when it is damaged. */
  openBackend(directory: string, onError: (error: unknown) => void): Promise<Backend>;
  readonly logger: (caller: string) => Logger;
  readonly metrics: MemberMetrics;
}

/** What a member counts on its way. */
export interface MemberMetrics {
  readonly mvcc: Partial<MvccMetrics>;
  readonly wal: Pick<WalOptions, 'fsyncSeconds' | 'writeSeconds' | 'writtenBytes'>;
  readonly database: DatabaseMetrics;
  readonly snapshots: SnapshotMetrics;
  readonly reads: ReadBarrierMetrics;
  readonly leaseExpired: Counter;
  /** A request was applied. */
  applied(request: Request, outcome: Outcome, tookMs: number): void;
  alarm(alarm: rpc.AlarmMember, raised: boolean): void;
}

const MS = 1000;
/** How long a lease answer waits for committed entries to be applied. */
const APPLY_WAIT_MS = 1000;

/** A running member. Constructed by {@link Member.open}; `stop` undoes it in reverse order. */
export class Member {
  private constructor(
    readonly node: Node,
    /** Rejects, once, with what made the member stop by itself. */
    readonly failed: Promise<never>,
    readonly driver: RaftDriver<Outcome>,
    readonly proposer: Proposer,
    readonly leadership: Leadership,
    readonly leases: LeaseTable,
    readonly founded: boolean,
    readonly stop: () => Promise<void>,
  ) {}

  /**
   * Recovers what the data directory holds, or founds it, and starts raft. Nothing is served yet.
   * @throws DataDirError, WalError, MvccError: what is wrong with the directory, and what to do
   */
  static async open(options: ServerOptions, world: World): Promise<Member> {
    const { clock } = world;
    const undo: (() => Promise<void>)[] = [];
    const stop = async (): Promise<void> => {
      for (const step of undo.splice(0).reverse()) await step();
    };
    try {
      let fail!: (error: unknown) => void;
      const failed = new Promise<never>((_, reject) => {
        fail = reject;
      });
      // Whoever serves the member listens; a failure while it is still being opened is thrown from here anyway.
      failed.catch(() => {});

      const dataDir = await openDataDir(world.fileSystem, options.member.dataDirectory, options.member.walDirectory);
      undo.push(() => dataDir.release());
      const backend = await openDatabase(world, dataDir, fail);
      undo.push(() => backend.close());
      const database = databaseOf(backend, clock, world.metrics.database);
      await defragmentAtBoot(
        database,
        options.tuning.bootstrapDefragThresholdMegabytes,
        world.logger('storage/boot-defrag'),
      );
      const meta = new MetaTable(backend);
      const started = await openLog(options, world, dataDir, meta.applied().index);
      undo.push(() => started.wal.close());
      const { log } = started;
      world.logger('storage/bootstrap').info(started.founded ? 'founded a new member' : 'recovered a member', {
        'data-dir': dataDir.root,
        'local-member-id': hexId(log.metadata.nodeId),
        'cluster-id': hexId(log.metadata.clusterId),
        'applied-index': meta.applied().index,
        'last-index': log.entries.at(-1)?.index ?? log.snapshot?.index ?? 0,
      });

      const leases = new LeaseTable({
        minTtlSeconds: options.limits.minLeaseTtlSeconds,
        retryMs: options.limits.requestTimeoutMs,
      });
      const tables = await openTables({
        backend,
        clusterId: log.metadata.clusterId,
        leases,
        mvcc: {
          clock,
          logger: world.logger('mvcc'),
          compactionBatchLimit: options.compaction.batchLimit,
          compactionPauseMs: options.compaction.pauseMs,
          metrics: world.metrics.mvcc,
        },
        onAlarm: (alarm, raised) => world.metrics.alarm(alarm, raised),
      });
      undo.push(() => tables.store.close());

      const quota = new Quota(options.limits.quotaBackendBytes, () => backend.sizeBytes());
      const leadership = new Leadership(log.metadata.nodeId, log.hardState?.term ?? 0);
      const onOverQuota = (): void => {
        // Raised again by the next write, should this one not get through.
        node.alarm({ action: 1, memberID: log.metadata.nodeId, alarm: NOSPACE }).catch(() => {});
      };
      const driver = startRaft(options, world, { started, tables, leases, quota, leadership, fail, onOverQuota });
      undo.push(() => driver.stop());

      const ids = new RequestIds(log.metadata.nodeId, clock.now());
      const proposer = new Proposer({ driver, ids, maxRequestBytes: options.limits.maxRequestBytes });
      const lessor: Lessor = new Lessor({
        table: leases,
        clock,
        logger: world.logger('lease'),
        onExpired: async (id) => {
          await node.leaseRevoke({ ID: id });
          world.metrics.leaseExpired.add();
        },
        confirmPrimary: () => node.readBarrier(),
      });
      const node: Node = new Node({
        memberId: log.metadata.nodeId,
        driver,
        proposer,
        leadership,
        ids,
        store: tables.store,
        leases,
        lessor,
        membership: tables.membership,
        alarms: tables.alarms,
        quota,
        database,
        clock,
        applyTimeout: new UniformTimeout(clock, APPLY_WAIT_MS),
        readMetrics: world.metrics.reads,
      });
      const compaction = new AutoCompaction(options.compaction.policy, {
        clock,
        logger: world.logger('auto-compaction'),
        revision: () => node.revision(),
        compact: async (revision) => {
          await node.compact({ revision, physical: false });
        },
      });
      const duties = new LeaderDuties({
        node,
        leadership,
        compaction,
        leaseExtensionMs: options.member.electionMs,
        logger: world.logger('node/leader-duties'),
      });
      undo.push(async () => {
        duties.stop();
        await lessor.stop();
      });
      return new Member(node, failed, driver, proposer, leadership, leases, started.founded, stop);
    } catch (error) {
      await stop();
      throw error;
    }
  }
}

async function openDatabase(world: World, dataDir: DataDir, fail: (error: unknown) => void): Promise<Backend> {
  try {
    return await world.openBackend(dataDir.db, fail);
  } catch (error) {
    const reason = error instanceof Error ? rootMessage(error) : String(error);
    throw new DataDirError(
      `the database in ${dataDir.db} cannot be opened: ${reason}. Nothing was changed; ` +
        'restore the data directory from a backup, or remove the member and add it anew',
      { cause: error },
    );
  }
}

function rootMessage(error: Error): string {
  return error.cause instanceof Error ? rootMessage(error.cause) : error.message;
}

function openLog(options: ServerOptions, world: World, dataDir: DataDir, applied: number): Promise<Bootstrapped> {
  return bootstrap({
    fileSystem: world.fileSystem,
    walDirectory: dataDir.wal,
    applied,
    founding: () => foundingOf(options, world.sha1),
    wal: {
      clock: world.clock,
      logger: world.logger('wal'),
      sync: options.member.sync,
      ...world.metrics.wal,
    },
    maxSegments: options.member.maxWalFiles,
  });
}

/** The cluster the flags describe, checked before: this member is in it. */
function foundingOf(options: ServerOptions, sha1: Sha1): Founding {
  const cluster = parseInitialCluster(options.clustering.initialCluster);
  if ('problem' in cluster) throw new DataDirError(cluster.problem);
  const members = [...cluster.value].map(([name, urls]) => {
    const peerUrls = urls.map(({ text }) => text);
    return { id: memberId(peerUrls, options.clustering.initialClusterToken, sha1), name, peerUrls };
  });
  const self = members.find(({ name }) => name === options.member.name);
  if (self === undefined) throw new DataDirError(`--initial-cluster does not name this member, ${options.member.name}`);
  return {
    memberId: self.id,
    clusterId: clusterId(
      members.map(({ id }) => id),
      sha1,
    ),
    members,
  };
}

interface RaftParts {
  readonly started: Bootstrapped;
  readonly tables: Tables;
  readonly leases: LeaseTable;
  readonly quota: Quota;
  readonly leadership: Leadership;
  readonly fail: (error: unknown) => void;
  readonly onOverQuota: () => void;
}

const NO_MEMBERS: ConfState = { voters: [], learners: [] };

function startRaft(options: ServerOptions, world: World, parts: RaftParts): RaftDriver<Outcome> {
  const { clock, metrics } = world;
  const { tables, started, leases } = parts;
  const { log } = started;
  const { heartbeatMs, electionMs, preVote } = options.member;
  const stateMachine = new ServerStateMachine({
    state: {
      store: tables.store,
      leases,
      leaseStore: tables.leaseStore,
      alarms: tables.alarms,
      membership: tables.membership,
      nowMs: () => clock.monotonic(),
    },
    quota: parts.quota,
    saveApplied: (index, term) => tables.meta.saveApplied({ index, term }),
    saveConfState: (state) => {
      tables.meta.saveConfState(state);
      tables.meta.saveStorageVersion(STORAGE_VERSION);
    },
    onOverQuota: parts.onOverQuota,
    observe: (request, outcome, startedMs) => metrics.applied(request, outcome, clock.monotonic() - startedMs),
  });
  const driver: RaftDriver<Outcome> = RaftDriver.start<Outcome>({
    raft: { id: log.metadata.nodeId, electionTicks: Math.round(electionMs / heartbeatMs), heartbeatTicks: 1, preVote },
    confState: tables.meta.confState() ?? NO_MEMBERS,
    log,
    applied: tables.meta.applied().index,
    tickMs: heartbeatMs,
    writer: started.raftLog,
    transport: world.transport,
    stateMachine,
    snapshots: new TableSnapshots(tables.backend, clock, metrics.snapshots),
    snapshotEveryEntries: options.member.snapshotEveryEntries,
    catchUpEntries: options.member.snapshotCatchUpEntries,
    waitTicks: Math.ceil(options.limits.requestTimeoutMs / heartbeatMs),
    readRetryTicks: Math.max(1, Math.ceil(MS / 2 / heartbeatMs)),
    clock,
    random: world.random,
    logger: world.logger('raft'),
    onState: (state) => {
      parts.leadership.update(state);
      world.logger('raft').info('raft state changed', {
        'local-member-id': hexId(log.metadata.nodeId),
        role: state.role,
        term: state.term,
        leader: state.leader === NOBODY ? '' : hexId(state.leader),
      });
    },
    onFatal: parts.fail,
  });
  // A lone voter need not wait whether somebody else leads: it stands as soon as it knows that it is one.
  if (options.member.initialElectionTickAdvance) {
    driver.applied.reached(log.hardState?.commit ?? 0).then(
      () => {
        const { voters } = driver.status().confState;
        if (voters.length === 1 && voters[0] === log.metadata.nodeId) driver.campaign();
      },
      () => {},
    );
  }
  return driver;
}
