import type { Backend } from '@kontiki/mvcc';
import type { SnapshotMessage, SnapshotMeta, SnapshotStore } from '@kontiki/raft';
import { type Clock, equals, type File, type FileSystem, type Gauge, type Histogram, type Logger } from '@kontiki/std';
import { STORAGE_VERSION } from '../cluster/version.js';
import type { BackendSlot } from './backend-slot.js';
import { databaseDirOf, listDatabases, unfinishedOf } from './database-dirs.js';
import { chunksOf, holdState, loadSnapshotFile, openSnapshotFile } from './snapshot-file.js';
import { MembersTable } from './tables/members.js';
import { MetaTable } from './tables/meta.js';
import { encodeV2Store } from './v2-store.js';

export interface SnapshotMetrics {
  readonly saveSeconds: Histogram;
  /** Forcing to the disk is all there is to saving, so this sees the same figures. */
  readonly fsyncSeconds: Histogram;
  /** Writing a file to be sent. */
  readonly writeSeconds: Histogram;
  /** Of one received: forcing its database to the disk, and all of taking it in. */
  readonly receivedFsyncSeconds: Histogram;
  readonly receivedSaveSeconds: Histogram;
  /** 1 while one is being installed. */
  readonly installing: Gauge;
}

/** A running SHA-256. */
export interface Sha256 {
  update(bytes: Uint8Array): void;
  digest(): Uint8Array;
}

export interface MemberSnapshotsOptions {
  readonly fileSystem: FileSystem;
  /** `member/snap`: databases, and the files made here. */
  readonly directory: string;
  /** The state, and where it is: see database-dirs. */
  readonly backend: BackendSlot;
  readonly path: string;
  openBackend(directory: string): Promise<Backend>;
  removeDatabase(directory: string): Promise<void>;
  sha256(): Sha256;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: SnapshotMetrics;
}

/** A snapshot as a stream of bytes. */
export interface OpenSnapshot {
  readonly sizeBytes: number;
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Must be called once nobody reads any more. */
  release(): Promise<void>;
}

/** One to be sent to another member. */
export interface PeerSnapshot extends OpenSnapshot {
  readonly sha256: Uint8Array;
  /** What the raft message about it carries on the wire. */
  readonly messageData: Uint8Array;
}

/** A file made here, and who reads it. */
interface Captured {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: Uint8Array;
  readonly messageData: Uint8Array;
  readers: number;
  outdated: boolean;
}

const SUFFIX = '.snap.db';
const NOTHING = new Uint8Array(0);

/**
 * Raft's snapshots. To save one is to force to the disk what was applied: the tables are the snapshot, and the log
 * behind them may go. To send one, every table is written into a bbolt file; the member that gets it checks the file,
 * makes a database of it beside the one in use, and only then tells its raft.
 */
export class MemberSnapshots implements SnapshotStore {
  readonly #options: MemberSnapshotsOptions;
  /** By the name under which raft knows them. */
  readonly #captured = new Map<string, Captured>();
  /** The database in use. */
  #path: string;
  #files = 0;

  constructor(options: MemberSnapshotsOptions) {
    this.#options = options;
    this.#path = options.path;
  }

  async save(meta: SnapshotMeta): Promise<void> {
    const { clock, backend, metrics } = this.#options;
    await timed(clock, [metrics.saveSeconds, metrics.fsyncSeconds], () => backend.commit({ sync: true }));
    await this.#removeOutrun(meta.index);
  }

  /** @returns the name under which {@link open} finds it */
  async capture(meta: SnapshotMeta): Promise<Uint8Array> {
    const { directory, logger, backend } = this.#options;
    // Of the same turn as the database.
    const members = new MembersTable(backend).load();
    // Whoever waits for it sees it fail.
    members.catch(() => {});
    const name = `${meta.index.toString(16).padStart(16, '0')}-${++this.#files}${SUFFIX}`;
    const captured = await this.#write(`${directory}/${name}`, async (file, sizeBytes) => {
      const sha256 = await this.#hash(file, sizeBytes);
      const messageData = encodeV2Store(await members);
      return { path: file.path, sizeBytes, sha256, messageData, readers: 0, outdated: false };
    });
    for (const [other, before] of this.#captured) {
      before.outdated = true;
      this.#captured.delete(other);
      await this.#removeUnread(before);
    }
    this.#captured.set(name, captured);
    logger.info('captured a snapshot for a member that lags', {
      'snapshot-index': meta.index,
      'size-bytes': captured.sizeBytes,
    });
    return new TextEncoder().encode(name);
  }

  /** A captured snapshot, by what {@link capture} answered. @throws when a newer one has taken its place */
  async open(data: Uint8Array): Promise<PeerSnapshot> {
    const captured = this.#captured.get(new TextDecoder().decode(data));
    if (captured === undefined) throw new Error('the snapshot is not there any more');
    captured.readers++;
    const leave = async (): Promise<void> => {
      captured.readers--;
      await this.#removeUnread(captured);
    };
    try {
      return {
        ...(await this.#read(captured.path, captured.sizeBytes, leave)),
        sha256: captured.sha256,
        messageData: captured.messageData,
      };
    } catch (error) {
      await leave();
      throw error;
    }
  }

  /** The state as of this call, for whoever keeps backups. */
  async export(): Promise<OpenSnapshot> {
    const { directory, fileSystem } = this.#options;
    const path = `${directory}/export-${++this.#files}${SUFFIX}`;
    const sizeBytes = await this.#write(path, async (_file, length) => length);
    return this.#read(path, sizeBytes, () => fileSystem.remove(path));
  }

  /**
   * Takes in a snapshot from the leader: checks the file, makes a database of it, forces that to the disk.
   * @param sha256 of the file, as its sender gave it; undefined: it gave none
   * @returns what the message for raft shall carry
   * @throws what is wrong with it; nothing is kept then
   */
  async receive(
    { snapshot: { meta } }: SnapshotMessage,
    body: AsyncIterable<Uint8Array>,
    sha256: Uint8Array | undefined,
  ): Promise<Uint8Array> {
    const { fileSystem, directory, clock, metrics, logger } = this.#options;
    const path = `${directory}/received-${++this.#files}${SUFFIX}`;
    await this.#make(path, async (file) => {
      const sizeBytes = await this.#takeIn(file, body, sha256);
      await timed(clock, [metrics.receivedSaveSeconds], async () => {
        const reader = await openSnapshotFile(file);
        await this.#build(meta, (backend) => loadSnapshotFile(reader, backend));
      });
      logger.info('took in a snapshot from the leader', { 'snapshot-index': meta.index, 'size-bytes': sizeBytes });
    });
    await fileSystem.remove(path);
    return NOTHING;
  }

  /** The database of a snapshot that was received and that raft has accepted; from now on it is the one in use. */
  async openReceived(
    index: number,
  ): Promise<{ readonly backend: Backend; readonly removeBefore: () => Promise<void> }> {
    const before = this.#path;
    const path = databaseDirOf(this.#options.directory, index);
    const backend = await this.#options.openBackend(path);
    this.#path = path;
    return { backend, removeBefore: () => this.#options.removeDatabase(before) };
  }

  /** Made beside the one in use, complete under its name or not there at all. */
  async #build(meta: SnapshotMeta, fill: (backend: Backend) => Promise<void>): Promise<void> {
    const { fileSystem, directory, openBackend, removeDatabase } = this.#options;
    const path = databaseDirOf(directory, meta.index);
    // The same snapshot, sent twice: raft has the first.
    if (await fileSystem.exists(path)) return;
    const making = unfinishedOf(`${path}-${this.#files}`);
    await removeDatabase(making);
    try {
      const backend = await openBackend(making);
      try {
        await fill(backend);
        const table = new MetaTable(backend);
        const { index } = table.applied();
        if (index > meta.index) {
          throw new Error(`the snapshot has applied entry ${index}, beyond ${meta.index}, for which it was sent`);
        }
        table.saveApplied(meta);
        table.saveConfState(meta.confState);
        table.saveStorageVersion(STORAGE_VERSION);
        const { clock, metrics } = this.#options;
        await timed(clock, [metrics.receivedFsyncSeconds], () => backend.commit({ sync: true }));
      } finally {
        await backend.close();
      }
      await fileSystem.rename(making, path);
      await fileSystem.syncDirectory(directory);
    } catch (error) {
      await removeDatabase(making);
      throw error;
    }
  }

  /** The state as of this call, in a file of its own. */
  async #write<T>(path: string, then: (file: File, sizeBytes: number) => Promise<T>): Promise<T> {
    const { clock, metrics, backend } = this.#options;
    // In the turn of the call: raft has told for which entry this is.
    const held = holdState(backend);
    try {
      return await this.#make(path, async (file) => {
        return then(file, await timed(clock, [metrics.writeSeconds], () => held.writeTo(file)));
      });
    } finally {
      await held.release();
    }
  }

  async #takeIn(file: File, body: AsyncIterable<Uint8Array>, sha256: Uint8Array | undefined): Promise<number> {
    const hash = this.#options.sha256();
    let sizeBytes = 0;
    for await (const chunk of body) {
      hash.update(chunk);
      await file.write([chunk], sizeBytes);
      sizeBytes += chunk.length;
    }
    if (sha256 !== undefined && !equals(hash.digest(), sha256)) {
      throw new Error(`the snapshot of ${sizeBytes} bytes was damaged on its way: its SHA-256 differs`);
    }
    return sizeBytes;
  }

  async #hash(file: File, sizeBytes: number): Promise<Uint8Array> {
    const hash = this.#options.sha256();
    for await (const chunk of chunksOf(file, sizeBytes)) hash.update(chunk);
    return hash.digest();
  }

  /** A file that is there only if all of `work` succeeds. */
  async #make<T>(path: string, work: (file: File) => Promise<T>): Promise<T> {
    const { fileSystem } = this.#options;
    const file = await fileSystem.open(path, 'create');
    try {
      return await work(file).finally(() => file.close());
    } catch (error) {
      await fileSystem.remove(path);
      throw error;
    }
  }

  async #read(path: string, sizeBytes: number, then: () => Promise<void>): Promise<OpenSnapshot> {
    const file = await this.#options.fileSystem.open(path, 'read');
    return {
      sizeBytes,
      chunks: chunksOf(file, sizeBytes),
      async release() {
        await file.close();
        await then();
      },
    };
  }

  async #removeUnread(captured: Captured): Promise<void> {
    if (captured.outdated && captured.readers === 0) await this.#options.fileSystem.remove(captured.path);
  }

  /** Databases of snapshots that raft had no use for: this member got there by itself. */
  async #removeOutrun(index: number): Promise<void> {
    const { fileSystem, directory, removeDatabase } = this.#options;
    for (const database of await listDatabases(fileSystem, directory)) {
      if (database.path !== this.#path && database.index <= index) await removeDatabase(database.path);
    }
  }
}

async function timed<T>(clock: Clock, histograms: readonly Histogram[], work: () => Promise<T>): Promise<T> {
  const startedMs = clock.monotonic();
  const result = await work();
  for (const histogram of histograms) histogram.observe((clock.monotonic() - startedMs) / 1000);
  return result;
}

/** Files of a process that is gone: nobody reads them. */
export async function removeLeftSnapshots(fileSystem: FileSystem, directory: string): Promise<void> {
  for (const name of await fileSystem.list(directory)) {
    if (name.endsWith(SUFFIX)) await fileSystem.remove(`${directory}/${name}`);
  }
}
