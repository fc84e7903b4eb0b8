import type { File } from '@kontiki/std';

/** Where a database is read from. Nobody may write to it meanwhile. */
export interface PageSource {
  /** Of the whole file; does not change. */
  readonly sizeBytes: number;
  /**
   * Must give exactly these bytes, fewer only where the file ends, in memory nobody writes to afterwards: records are
   * handed out as views of it.
   */
  read(position: number, length: number): Promise<Uint8Array>;
}

/** Where a database is written to: an empty file. */
export interface PageSink {
  /**
   * Must write all of it and keep no reference once resolved: the memory is used again. Called once at a time, each call
   * where the one before ended, but for the last, which writes the first two pages at position 0.
   */
  write(bytes: Uint8Array, position: number): Promise<void>;
}

/** Records in key order, in chunks. Handed over by reference: neither side changes them afterwards. */
export type Records = readonly (readonly [key: Uint8Array, value: Uint8Array])[];

/** An open file of a `FileSystem`, to read a database from; whoever opened it closes it. */
export async function fileSource(file: Pick<File, 'size' | 'read'>): Promise<PageSource> {
  return {
    sizeBytes: await file.size(),
    async read(position, length) {
      const bytes = new Uint8Array(length);
      const filled = await file.read(bytes, position);
      return filled === length ? bytes : bytes.subarray(0, filled);
    },
  };
}

/** An open, empty file of a `FileSystem`, to write a database to; whoever opened it makes it durable and closes it. */
export function fileSink(file: Pick<File, 'write'>): PageSink {
  return { write: (bytes, position) => file.write([bytes], position) };
}
