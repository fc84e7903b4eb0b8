import { type Entry, encodeChange, type HardState, NOBODY } from '@kontiki/raft';
import type { FileSystem } from '@kontiki/std';
import { Wal, type WalOptions, type WalRecord } from '@kontiki/wal';
import { encodeMemberChange } from '../cluster/member-change.js';
import { DataDirError } from './data-dir.js';
import { RaftLog, type RecoveredRaftLog, recoverRaftLog } from './raft-log.js';
import { checkRecord, encodeEntry, encodeHardState, encodeMetadata, type Metadata } from './raft-records.js';

/** What a new member is told about the cluster it founds or joins. */
export interface Founding {
  readonly memberId: bigint;
  readonly clusterId: bigint;
  /** Everyone the cluster begins with; nobody: it has begun, and its leader will tell this member about it. */
  readonly members: readonly { readonly id: bigint; readonly name: string; readonly peerUrls: readonly string[] }[];
}

export interface BootstrapOptions {
  readonly fileSystem: FileSystem;
  readonly walDirectory: string;
  /** Asked only when there is no log yet. What it throws is thrown; nothing was made then. */
  readonly founding: () => Promise<Founding>;
  readonly wal: Omit<WalOptions, 'fileSystem' | 'directory' | 'head' | 'check'>;
  /** Log segments kept behind a snapshot; 0 keeps all. */
  readonly maxSegments: number;
}

export interface Bootstrapped {
  readonly log: RecoveredRaftLog;
  readonly raftLog: RaftLog;
  readonly wal: Wal;
  /** The log was made now. */
  readonly founded: boolean;
}

/** The term of the entries a cluster is founded with; elections begin above it. */
const FOUNDING_TERM = 1;

/**
 * Opens the log, or founds it. The decision is made once, by whether a log is there: flags that say otherwise later are
 * not looked at, and nothing that exists is ever initialised again.
 *
 * @throws DataDirError when log and tables cannot belong together; WalError for a damaged log
 */
export async function bootstrap(options: BootstrapOptions): Promise<Bootstrapped> {
  const { fileSystem, walDirectory } = options;
  const current: { metadata: Metadata | undefined; hardState: HardState | undefined } = {
    metadata: undefined,
    hardState: undefined,
  };
  const walOptions: WalOptions = {
    ...options.wal,
    fileSystem,
    directory: walDirectory,
    check: checkRecord,
    head: () => [
      ...(current.metadata === undefined ? [] : [encodeMetadata(current.metadata)]),
      ...(current.hardState === undefined ? [] : [encodeHardState(current.hardState)]),
    ],
  };
  const founded = !(await hasLog(fileSystem, walDirectory));
  if (founded) {
    const founding = await options.founding();
    current.metadata = { nodeId: founding.memberId, clusterId: founding.clusterId };
    await (await Wal.create({ ...walOptions, initial: firstRecords(founding) })).close();
  }
  const { wal, records, repaired } = await Wal.open(walOptions);
  try {
    if (repaired !== undefined) {
      options.wal.logger?.warn('cut off an unfinished write at the end of the log', {
        segment: repaired.segment,
        offset: repaired.offset,
        'kept-as': repaired.keptAs,
      });
    }
    const log = await recoverRaftLog(records);
    current.metadata = log.metadata;
    current.hardState = log.hardState;
    const last = log.entries.at(-1)?.index ?? log.snapshot?.index ?? 0;
    const committed = log.hardState?.commit ?? 0;
    if (committed > last) {
      throw new DataDirError(
        `the log in ${walDirectory} ends at entry ${last}, but says that entry ${committed} was committed: its end is ` +
          'missing. Restore the data directory from a backup, or remove the member and add it anew',
      );
    }
    const raftLog = new RaftLog(wal, {
      last,
      maxSegments: options.maxSegments,
      onState: (state) => {
        current.hardState = state;
      },
    });
    return { log, raftLog, wal, founded };
  } catch (error) {
    await wal.close();
    throw error;
  }
}

/**
 * Whether tables that have applied everything up to `applied` can go on with this log.
 * @throws DataDirError when they cannot belong together
 */
export function checkApplied(log: RecoveredRaftLog, applied: number, walDirectory: string): void {
  const base = log.snapshot?.index ?? 0;
  const last = log.entries.at(-1)?.index ?? base;
  if (applied > last || applied < base) {
    throw new DataDirError(
      `the database has applied entry ${applied}, but the log in ${walDirectory} covers ${base + 1} to ${last}: they ` +
        'are not of the same time. Restore both from one backup',
    );
  }
}

async function hasLog(fileSystem: FileSystem, directory: string): Promise<boolean> {
  if (!(await fileSystem.exists(directory))) return false;
  return (await fileSystem.list(directory)).some((name) => name.endsWith('.wal'));
}

/**
 * The first entries, which add the first members; they are committed by being here. etcd founds a cluster the same way.
 * Made with the log itself, so that a start cut short leaves all of it or nothing.
 */
function firstRecords(founding: Founding): WalRecord[] {
  if (founding.members.length === 0) return [];
  const entries = [...founding.members]
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map((member, i): Entry => {
      const added = { ...member, isLearner: false, clientUrls: [] };
      const change = encodeMemberChange(0n, { kind: 'add', member: added });
      return { index: i + 1, term: FOUNDING_TERM, kind: 'change', data: encodeChange(change) };
    });
  const hardState: HardState = { term: FOUNDING_TERM, vote: NOBODY, commit: entries.length };
  return [...entries.map(encodeEntry), encodeHardState(hardState)];
}
