import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import type { SnapshotMeta } from '@kontiki/raft';

/** The words as of some entry. */
export interface State {
  readonly meta: SnapshotMeta;
  readonly words: ReadonlySet<string>;
}

export function toBytes(state: State): Uint8Array {
  return serialize(state);
}

export function fromBytes(bytes: Uint8Array): State {
  return deserialize(bytes) as State;
}

/** Undefined: there is none yet. */
export async function readState(path: string): Promise<State | undefined> {
  try {
    return fromBytes(await readFile(path));
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Replaces the file as a whole: whenever the process ends, the old one is there or the new one. */
export async function writeState(path: string, bytes: Uint8Array): Promise<void> {
  await synced(`${path}.new`, 'w', bytes);
  await rename(`${path}.new`, path);
  await synced(dirname(path), 'r');
}

async function synced(path: string, flags: string, bytes?: Uint8Array): Promise<void> {
  const file = await open(path, flags);
  try {
    if (bytes !== undefined) await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}
