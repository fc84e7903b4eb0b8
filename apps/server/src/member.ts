/**
 * One member, from its data directory to the node its services use: the inner half of the wiring diagram.
 */
import { LeaseTable, Lessor } from '@kontiki/lease';
import type { RaftDriver } from '@kontiki/raft';
import type { Timer } from '@kontiki/std';
import { CORRUPT, NOSPACE } from './apply/alarms.js';
import { Quota } from './apply/quota.js';
import type { Outcome } from './apply/state-machine.js';
import { hexId } from './cluster/member-id.js';
import { PeerSet } from './cluster/peer-set.js';
import { ETCD_VERSION } from './cluster/version.js';
import type { ServerOptions } from './config/options.js';
import { NO_MEMBERS, startRaft } from './member/raft.js';
import { openDatabase, openLog } from './member/recovery.js';
import type { World } from './member/world.js';
import { AutoCompaction } from './node/auto-compaction.js';
import { CorruptionCheck } from './node/corruption-check.js';
import { HeartbeatWatch } from './node/heartbeat-watch.js';
import { LeaderDuties } from './node/leader-duties.js';
import { Leadership } from './node/leadership.js';
import { Leases } from './node/leases.js';
import { Members } from './node/members.js';
import { Node } from './node/node.js';
import { Proposer } from './node/propose.js';
import { RequestIds } from './node/request-ids.js';
import { UniformTimeout } from './node/uniform-timeout.js';
import { VersionAgreement } from './node/version-agreement.js';
import { BackendSlot } from './storage/backend-slot.js';
import { defragmentAtBoot } from './storage/boot-defrag.js';
import { checkApplied } from './storage/bootstrap.js';
import { openDataDir } from './storage/data-dir.js';
import { databaseOf } from './storage/database.js';
import { MemberSnapshots } from './storage/snapshots.js';
import { standAlone } from './storage/stand-alone.js';
import { MetaTable } from './storage/tables/meta.js';
import { openTables } from './storage/tables.js';

/** Compactions whose hashes are remembered, to compare them with other members'. */
const COMPACTION_HASHES = 10;

/** How long a lease answer waits for committed entries to be applied. */
const APPLY_WAIT_MS = 1000;
/** How long another member may take to say which version it has, what its data hashes to. */
const ASK_VERSION_MS = 2000;
const ASK_HASH_MS = 30_000;
/** A member that was removed has this long to tell the others what it still knows. */
const REMOVED_GRACE_MS = 1000;
const CHECKPOINT_MS = 300_000;

/** This member was removed from its cluster: it has nothing to do any more. Its data stays. */
export class MemberRemovedError extends Error {
  override readonly name = 'MemberRemovedError';
  constructor() {
    super('the member has been permanently removed from the cluster');
  }
}

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
    readonly checks: CorruptionCheck,
    readonly founded: boolean,
    readonly stop: () => Promise<void>,
  ) {}

  /**
   * Recovers what the data directory holds, or founds or joins a cluster, and starts raft. Nothing is served yet.
   * @throws DataDirError, WalError, MvccError, FoundingError: what is wrong, and what to do; MemberRemovedError
   */
  static async open(options: ServerOptions, world: World): Promise<Member> {
    const { clock, remote } = world;
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
      const started = await openLog(options, world, dataDir);
      undo.push(() => started.wal.close());
      const opened = await openDatabase(world, dataDir, started.log.snapshot?.index ?? 0, fail);
      const backend = new BackendSlot(opened.backend);
      undo.push(() => backend.close());
      const database = databaseOf(backend, clock, world.metrics.database);
      await defragmentAtBoot(
        database,
        options.tuning.bootstrapDefragThresholdMegabytes,
        world.logger('storage/boot-defrag'),
      );
      const meta = new MetaTable(backend);
      const applied = meta.applied().index;
      checkApplied(started.log, applied, dataDir.wal);
      const log = options.clustering.forceNewCluster
        ? await standAlone(started.log, started.raftLog, meta.confState() ?? NO_MEMBERS, applied)
        : started.log;
      const { nodeId: memberId, clusterId } = log.metadata;
      world.logger('storage/bootstrap').info(started.founded ? 'founded a new member' : 'recovered a member', {
        'data-dir': dataDir.root,
        'local-member-id': hexId(memberId),
        'cluster-id': hexId(clusterId),
        'applied-index': applied,
        'last-index': log.entries.at(-1)?.index ?? log.snapshot?.index ?? 0,
      });

      const leases = new LeaseTable({
        retryMs: options.limits.requestTimeoutMs,
        ...(options.leases.checkpoint && { checkpointMs: CHECKPOINT_MS }),
      });
      const tables = await openTables({
        backend,
        clusterId,
        leases,
        maxLearners: options.clustering.maxLearners,
        mvcc: {
          clock,
          logger: world.logger('mvcc'),
          compactionBatchLimit: options.compaction.batchLimit,
          compactionPauseMs: options.compaction.pauseMs,
          compactionHashes: options.tuning.compactHashCheck ? COMPACTION_HASHES : 0,
          metrics: world.metrics.mvcc,
        },
        onAlarm: (alarm, raised) => world.metrics.alarm(alarm, raised),
      });
      const { membership } = tables;
      undo.push(() => tables.store.close());
      if (membership.isRemoved(memberId)) throw new MemberRemovedError();

      const snapshots = new MemberSnapshots({
        fileSystem: world.fileSystem,
        directory: dataDir.snap,
        backend,
        path: opened.path,
        openBackend: (directory) => world.openBackend(directory, fail),
        removeDatabase: (directory) => world.removeDatabase(directory),
        sha256: () => world.sha256(),
        clock,
        logger: world.logger('storage/snapshots'),
        metrics: world.metrics.snapshots,
      });
      const quota = new Quota(options.limits.quotaBackendBytes, () => backend.sizeBytes());
      const leadership = new Leadership(memberId, log.hardState?.term ?? 0);
      const links = world.connect({
        memberId,
        clusterId,
        ownPeerUrls: () => membership.member(memberId)?.peerUrls ?? options.advertise.peerUrls,
        receive: (message) => driver.receive(message),
        reportUnreachable: (id) => driver.reportUnreachable(id),
        reportSnapshot: (id, delivered) => driver.reportSnapshot(id, delivered),
        reportGone: (id) => driver.reportGone(id),
        isRemoved: (id) => membership.isRemoved(id),
        onRemoved: () => fail(new MemberRemovedError()),
        snapshots,
      });
      undo.push(() => links.stop());
      const retired = new Set<Promise<void>>();
      undo.push(async () => void (await Promise.all(retired)));
      const driver = startRaft(options, world, {
        log,
        raftLog: started.raftLog,
        tables,
        leases,
        quota,
        leadership,
        snapshots,
        links,
        fail,
        onOverQuota: () => {
          // Raised again by the next write, should this one not get through.
          node.alarm({ action: 1, memberID: memberId, alarm: NOSPACE }).catch(() => {});
        },
        restore: async ({ meta: { index } }) => {
          world.metrics.snapshots.installing.set(1);
          const { backend: next, removeBefore } = await snapshots.openReceived(index);
          const { before, unused } = await tables.replace(next);
          world.metrics.snapshots.installing.set(0);
          world.logger('storage/snapshots').info('went on from a snapshot of the leader', { 'snapshot-index': index });
          const retire = (async (): Promise<void> => {
            await unused;
            await before.close();
            await removeBefore();
          })();
          retired.add(retire);
          retire.then(() => retired.delete(retire), fail);
        },
      });
      undo.push(() => driver.stop());
      new PeerSet(memberId, membership, links, started.known);
      let removedTimer: Timer | undefined;
      membership.onChange(() => {
        if (removedTimer !== undefined || !membership.isRemoved(memberId)) return;
        removedTimer = clock.after(REMOVED_GRACE_MS, () => fail(new MemberRemovedError()));
      });
      undo.push(async () => removedTimer?.cancel());

      const ids = new RequestIds(memberId, clock.now());
      const timeoutMs = options.limits.requestTimeoutMs;
      const proposer = new Proposer({
        driver,
        ids,
        maxRequestBytes: options.limits.maxRequestBytes,
        clock,
        timeoutMs,
        explain: (sinceMs) => (reachedSince(sinceMs) ? 'Timeout' : 'TimeoutDueToConnectionLost'),
      });
      /** Whether those who had to answer could be reached all the time. */
      const reachedSince = (sinceMs: number): boolean => {
        const since = (id: bigint): boolean => (links.activeSince(id) ?? Number.POSITIVE_INFINITY) <= sinceMs;
        if (!leadership.isLeader) return since(leadership.leader);
        const voters = membership.voters();
        return voters.filter(({ id }) => id === memberId || since(id)).length > voters.length / 2;
      };
      const lessor: Lessor = new Lessor({
        table: leases,
        clock,
        logger: world.logger('lease'),
        onExpired: async (id) => {
          await node.leaseExpire(id, leadership.term);
          world.metrics.leaseExpired.add();
        },
        onCheckpoint: async (checkpoints) => {
          const listed = checkpoints.map(({ id, remainingSeconds }) => ({ ID: id, remainingTTL: remainingSeconds }));
          await node.leaseCheckpoint({ checkpoints: listed }, leadership.term);
        },
        confirmPrimary: () => node.readBarrier(),
      });
      const node: Node = new Node(
        {
          memberId,
          driver,
          proposer,
          leadership,
          ids,
          store: tables.store,
          leases,
          lessor,
          membership,
          alarms: tables.alarms,
          quota,
          minLeaseTtlSeconds: options.limits.minLeaseTtlSeconds,
          database,
          snapshots,
          clock,
          applyTimeout: new UniformTimeout(clock, APPLY_WAIT_MS),
          readMetrics: world.metrics.reads,
        },
        (node) => ({
          renewals: new Leases({
            leadership,
            membership,
            clock,
            timeoutMs,
            table: leases,
            lessor,
            tickMs: options.member.heartbeatMs,
            caughtUp: () => node.caughtUp(),
            readBarrier: () => node.readBarrier(),
            remote: {
              renew: (leader, id, ms, signal) => remote.renewLease(leader.peerUrls, id, ms, signal),
              async timeToLive(leader, id, keys, ms) {
                const left = await remote.leaseTimeToLive(leader.peerUrls, { id, keys }, ms);
                return left && { ttlSeconds: left.TTL, grantedSeconds: left.grantedTTL, keys: left.keys };
              },
            },
          }),
          members: new Members({
            memberId,
            membership,
            leadership,
            driver,
            proposer,
            links,
            sha1: world.sha1,
            clock,
            timeoutMs,
            strict: options.clustering.strictReconfigCheck,
            metrics: world.metrics.members,
            promoteThere: (leader, id, ms) => remote.promote(leader.peerUrls, id, ms),
            caughtUp: () => node.caughtUp(),
          }),
        }),
      );
      undo.push(async () => node.renewals.stop());
      const compaction = new AutoCompaction(options.compaction.policy, {
        clock,
        logger: world.logger('auto-compaction'),
        revision: () => node.revision(),
        compact: async (revision) => {
          await node.compact({ revision, physical: false });
        },
      });
      const urlsOf = (id: bigint): readonly string[] => membership.member(id)?.peerUrls ?? [];
      const versions = new VersionAgreement({
        clock,
        logger: world.logger('node/version-agreement'),
        members: () => membership.list(),
        versionOf: async (id) =>
          id === memberId ? ETCD_VERSION : (await remote.version(urlsOf(id), ASK_VERSION_MS)).server,
        current: () => membership.clusterVersion,
        set: (version) => node.setClusterVersion(version),
      });
      const checks = new CorruptionCheck(
        {
          clock,
          logger: world.logger('node/corruption-check'),
          memberId,
          peers: () => membership.list().flatMap(({ id }) => (id === memberId ? [] : [id])),
          hash: (revision) => tables.store.hash(revision),
          peerHash: (id, revision) => remote.hashKv(urlsOf(id), revision, ASK_HASH_MS),
          compactionHashes: () => tables.store.compactionHashes,
          barrier: () => node.readBarrier(),
          revision: () => node.revision(),
          raiseAlarm: (id) => node.alarm({ action: 1, memberID: id, alarm: CORRUPT }),
        },
        {
          everyMs: options.tuning.corruptCheckIntervalMs,
          compactionsEveryMs: options.tuning.compactHashCheck ? options.tuning.compactHashCheckIntervalMs : 0,
        },
      );
      const heartbeats = new HeartbeatWatch({
        everyMs: options.member.heartbeatMs,
        late: world.metrics.lateHeartbeats,
        clock,
        logger: world.logger('node/heartbeats'),
      });
      const duties = new LeaderDuties({
        node,
        leadership,
        duties: [compaction, versions, checks, heartbeats],
        leaseExtensionMs: options.member.electionMs,
        clock,
        logger: world.logger('node/leader-duties'),
      });
      undo.push(async () => {
        duties.stop();
        await lessor.stop();
      });
      return new Member(node, failed, driver, proposer, leadership, leases, checks, started.founded, stop);
    } catch (error) {
      await stop();
      throw error;
    }
  }
}
