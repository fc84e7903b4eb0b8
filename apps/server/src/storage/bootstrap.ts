import { type Entry, encodeChange, type HardState, NOBODY } from '@kontiki/raft';
import type { FileSystem } from '@kontiki/std';
import { Wal, type WalOptions, type WalRecord } from '@kontiki/wal';
import { DataDirError } from './data-dir.js';
import { RaftLog, type RecoveredRaftLog, recoverRaftLog } from './raft-log.js';
import { checkRecord, encodeEntry, encodeHardState, encodeMetadata, type Metadata } from './raft-records.js';

/** What a new member is told about the cluster it founds. */
export interface Founding {
  readonly memberId: bigint;
  readonly clusterId: bigint;
  /** Everyone the cluster begins with. */
  readonly members: readonly { readonly id: bigint; readonly name: string; readonly peerUrls: readonly string[] }[];
}

export interface BootstrapOptions {
  readonly fileSystem: FileSystem;
  readonly walDirectory: string;
  /** The last entry the tables have applied; 0 when there are none. */
  readonly applied: number;
  /** Asked only when there is no log yet. */
  readonly founding: () => Founding;
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
    if (options.applied > 0) {
      throw new DataDirError(
        `${walDirectory} holds no log, but the database beside it has applied ${options.applied} entries: the log was ` +
          'removed or --wal-dir points elsewhere. Put it back, or restore the data directory from a backup',
      );
    }
    const founding = options.founding();
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
    if (options.applied > last || options.applied < (log.snapshot?.index ?? 0)) {
      throw new DataDirError(
        `the database has applied entry ${options.applied}, but the log in ${walDirectory} covers ` +
          `${(log.snapshot?.index ?? 0) + 1} to ${last}: they are not of the same time. Restore both from one backup`,
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

async function hasLog(fileSystem: FileSystem, directory: string): Promise<boolean> {
  if (!(await fileSystem.exists(directory))) return false;
  return (await fileSystem.list(directory)).some((name) => name.endsWith('.wal'));
}

/**
 * The first entries, which add the first members; they are committed by being here. etcd founds a cluster the same way.
 * Made with the log itself, so that a start cut short leaves all of it or nothing.
 */
function firstRecords(founding: Founding): WalRecord[] {
  const entries = [...founding.members]
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map(
      (member, i): Entry => ({
        index: i + 1,
        term: FOUNDING_TERM,
        kind: 'change',
        data: encodeChange({
          kind: 'change',
          id: 0n,
          step: { action: 'addVoter', node: member.id },
          context: describeMember(member),
        }),
      }),
    );
  const hardState: HardState = { term: FOUNDING_TERM, vote: NOBODY, commit: entries.length };
  return [...entries.map(encodeEntry), encodeHardState(hardState)];
}

/** JSON about a member as etcd writes it; its id is a number there, too large for JSON.stringify. */
function describeMember(member: Founding['members'][number]): Uint8Array {
  const rest = JSON.stringify({ peerURLs: member.peerUrls, name: member.name }).slice(1);
  return new TextEncoder().encode(`{"id":${member.id},${rest}`);
}
