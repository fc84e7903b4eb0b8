import type { BinaryReader } from './wire/reader.js';
import type { BinaryWriter } from './wire/writer.js';

/** What every generated message can do. */
export interface MessageFns<T> {
  /** Writes the message's fields into a writer, a new one by default; `finish` then gives the bytes. */
  encode(message: T, writer?: BinaryWriter): BinaryWriter;
  /**
   * Reads a message.
   *
   * @param input  the bytes, or a reader that stands before the message
   * @param length  bytes the message takes in the reader's input; without it, all that are left
   * @returns bytes fields are views of the input
   * @throws Error when the input is not such a message
   */
  decode(input: BinaryReader | Uint8Array, length?: number): T;
  /** The message with these fields, and defaults for the others. */
  create(base?: DeepPartial<T>): T;
  /** As `create`. */
  fromPartial(object: DeepPartial<T>): T;
}

/** A message with some of its fields; so at every depth. */
export type DeepPartial<T> = T extends Builtin
  ? T
  : T extends ReadonlyArray<infer U>
    ? ReadonlyArray<DeepPartial<U>>
    : T extends { $case: string; value: unknown }
      ? { $case: T['$case']; value?: DeepPartial<T['value']> | undefined }
      : T extends object
        ? { [K in keyof T]?: DeepPartial<T[K]> | undefined }
        : T;

type Builtin = Uint8Array | string | number | boolean | bigint | undefined;

/** The default of every bytes field. Has no bytes, so nobody can change it. */
export const EMPTY: Uint8Array = new Uint8Array(0);
