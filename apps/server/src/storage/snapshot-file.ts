/**
 * Snapshots as files: a bbolt database with every table, as etcd's tools and members read them.
 */
import { DatabaseReader, DatabaseWriter, fileSink, fileSource } from '@kontiki/bbolt';
import type { Backend, Records } from '@kontiki/mvcc';
import { compare, type File } from '@kontiki/std';

/** Tables etcd expects to find, empty ones too. */
const EXPECTED = [
  'alarm',
  'auth',
  'authRoles',
  'authUsers',
  'cluster',
  'key',
  'lease',
  'members',
  'members_removed',
  'meta',
];
/** Read at once when a file is streamed. */
const CHUNK_BYTES = 1024 * 1024;
/** Records put between two commits when a file is loaded. */
const LOAD_RECORDS = 1000;

const encoder = new TextEncoder();

/** The state of one moment, on its way into a file. */
export interface HeldState {
  /** Writes it into an empty file, not forced to the disk. @returns the length of the file in bytes */
  writeTo(file: File): Promise<number>;
  /** Must be called once it is written, or will not be. */
  release(): Promise<void>;
}

/** Holds every table as it is at this call, whatever is written to the backend afterwards. */
export function holdState(backend: Backend): HeldState {
  const names = [...new Set([...EXPECTED, ...backend.tables()])]
    .map((name) => ({ name, key: encoder.encode(name) }))
    .sort((a, b) => compare(a.key, b.key));
  const scans = names.map(({ name, key }) => ({ key, records: backend.scan(name)[Symbol.asyncIterator]() }));
  return {
    async writeTo(file) {
      const writer = new DatabaseWriter(fileSink(file));
      for (const { key, records } of scans) await writer.bucket(key, { [Symbol.asyncIterator]: () => records });
      return (await writer.finish()).sizeBytes;
    },
    async release() {
      for (const { records } of scans) await records.return?.();
    },
  };
}

/** The bytes of a file, in order. */
export async function* chunksOf(file: File, sizeBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < sizeBytes; ) {
    const buffer = new Uint8Array(Math.min(CHUNK_BYTES, sizeBytes - at));
    const read = await file.read(buffer, at);
    if (read === 0) throw new Error(`${file.path} ends at byte ${at}, ${sizeBytes} were expected`);
    at += read;
    yield buffer.subarray(0, read);
  }
}

/** Opens a file that came from elsewhere and checks every page of it. @throws BboltError what is wrong, and where */
export async function openSnapshotFile(file: File): Promise<DatabaseReader> {
  const reader = await DatabaseReader.open(await fileSource(file));
  await reader.check();
  return reader;
}

/** Puts everything a snapshot file holds into an empty backend; not forced to the disk. */
export async function loadSnapshotFile(reader: DatabaseReader, backend: Backend): Promise<void> {
  for (const bucket of await reader.buckets()) {
    const table = new TextDecoder().decode(bucket);
    for await (const records of reader.records(bucket, { chunk: LOAD_RECORDS })) {
      putAll(backend, table, records);
      await backend.commit();
    }
  }
}

function putAll(backend: Backend, table: string, records: Records): void {
  for (const [key, value] of records) backend.put(table, key, value);
}
