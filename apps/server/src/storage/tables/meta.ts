import type { Backend } from '@kontiki/mvcc';
import type { ConfState } from '@kontiki/raft';

const TABLE = 'meta';
const CONSISTENT_INDEX = key('consistent_index');
const TERM = key('term');
const CONF_STATE = key('confState');
const STORAGE_VERSION = key('storageVersion');

/** How far the tables are: the last applied entry, written in the same batch as what that entry changed. */
export interface Applied {
  readonly index: number;
  readonly term: number;
}

/** The `meta` table, beside what mvcc keeps there about compactions. */
export class MetaTable {
  readonly #backend: Backend;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** { index: 0, term: 0 } for a fresh database. */
  applied(): Applied {
    return { index: this.#number(CONSISTENT_INDEX), term: this.#number(TERM) };
  }

  saveApplied(applied: Applied): void {
    this.#backend.put(TABLE, CONSISTENT_INDEX, uint64(applied.index));
    this.#backend.put(TABLE, TERM, uint64(applied.term));
  }

  /** Who votes and who listens as of the applied index; undefined while nothing was applied. */
  confState(): ConfState | undefined {
    const json = this.#text(CONF_STATE);
    return json === undefined ? undefined : parseConfState(json);
  }

  saveConfState(state: ConfState): void {
    this.#backend.put(TABLE, CONF_STATE, key(printConfState(state)));
  }

  storageVersion(): string | undefined {
    return this.#text(STORAGE_VERSION);
  }

  saveStorageVersion(version: string): void {
    this.#backend.put(TABLE, STORAGE_VERSION, key(version));
  }

  #number(name: Uint8Array): number {
    const bytes = this.#backend.get(TABLE, name);
    if (bytes === undefined) return 0;
    return Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0));
  }

  #text(name: Uint8Array): string | undefined {
    const bytes = this.#backend.get(TABLE, name);
    return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
  }
}

function key(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function uint64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}

/** As etcd writes it. Ids are JSON numbers there, beyond what JSON.stringify can carry. */
function printConfState(state: ConfState): string {
  const list = (name: string, ids: readonly bigint[] | undefined): string =>
    ids === undefined || ids.length === 0 ? '' : `"${name}":[${ids.join(',')}],`;
  return (
    `{${list('voters', state.voters)}${list('learners', state.learners)}` +
    `${list('voters_outgoing', state.votersOutgoing)}${list('learners_next', state.learnersNext)}` +
    `"auto_leave":${state.autoLeave ?? false}}`
  );
}

function parseConfState(json: string): ConfState {
  const stored = JSON.parse(json.replace(/\d+/g, '"$&"')) as {
    voters?: string[];
    learners?: string[];
    voters_outgoing?: string[];
    learners_next?: string[];
    auto_leave: boolean;
  };
  const ids = (list: string[] | undefined): bigint[] => (list ?? []).map(BigInt);
  return {
    voters: ids(stored.voters),
    learners: ids(stored.learners),
    ...(stored.voters_outgoing !== undefined && {
      votersOutgoing: ids(stored.voters_outgoing),
      learnersNext: ids(stored.learners_next),
      autoLeave: stored.auto_leave,
    }),
  };
}
