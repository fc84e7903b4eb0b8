/** The smallest model of a store that says what a write must do: the checker replays what really happened on it. */

export interface Entry {
  readonly value: string;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  readonly lease: bigint;
}

/** What one revision did to one key. */
export type Change =
  | { readonly type: 'put'; readonly key: string; readonly entry: Entry }
  | { readonly type: 'delete'; readonly key: string; readonly modRevision: number };

/** Key -> entry as of some revision. */
export type State = Map<string, Entry>;

/** A write as it was asked for. Every value is unique in a run, so that a change names the write it came from. */
export type Write =
  | { readonly kind: 'put'; readonly key: string; readonly value: string; readonly lease: bigint }
  | { readonly kind: 'delete'; readonly prefix: string; readonly single: boolean }
  | {
      readonly kind: 'txn';
      /** Only when the key was last changed at that revision (0: does not exist). */
      readonly guard?: { readonly key: string; readonly modRevision: number };
      readonly puts: readonly { readonly key: string; readonly value: string }[];
      readonly deletes: readonly string[];
    }
  | { readonly kind: 'revoke'; readonly lease: bigint };

/** What a write changes when it is done on `state` as `revision`; nothing: it makes no revision. */
export function effects(write: Write, state: State, revision: number): readonly Change[] {
  switch (write.kind) {
    case 'put':
      return [putChange(state, write.key, write.value, write.lease, revision)];
    case 'delete':
      return deleteChanges(matching(state, write), revision);
    case 'txn': {
      const { guard } = write;
      if (guard !== undefined && (state.get(guard.key)?.modRevision ?? 0) !== guard.modRevision) return [];
      return [
        ...write.puts.map(({ key, value }) => putChange(state, key, value, 0n, revision)),
        ...deleteChanges(
          write.deletes.filter((key) => state.has(key)),
          revision,
        ),
      ];
    }
    case 'revoke':
      return deleteChanges(keysOf(state, write.lease), revision);
  }
}

/** Does it to the state. */
export function apply(state: State, changes: readonly Change[]): void {
  for (const change of changes) {
    if (change.type === 'put') state.set(change.key, change.entry);
    else state.delete(change.key);
  }
}

/** The keys attached to a lease, in order. */
export function keysOf(state: State, lease: bigint): string[] {
  return [...state].flatMap(([key, entry]) => (entry.lease === lease ? [key] : [])).sort();
}

function matching(state: State, { prefix, single }: { prefix: string; single: boolean }): string[] {
  if (single) return state.has(prefix) ? [prefix] : [];
  return [...state.keys()].filter((key) => key.startsWith(prefix)).sort();
}

function deleteChanges(keys: readonly string[], revision: number): Change[] {
  return keys.map((key) => ({ type: 'delete', key, modRevision: revision }));
}

function putChange(state: State, key: string, value: string, lease: bigint, revision: number): Change {
  const before = state.get(key);
  return {
    type: 'put',
    key,
    entry: {
      value,
      createRevision: before?.createRevision ?? revision,
      modRevision: revision,
      version: (before?.version ?? 0) + 1,
      lease,
    },
  };
}

/** One line for people and for comparing. */
export function printChange(change: Change): string {
  if (change.type === 'delete') return `delete ${change.key} @${change.modRevision}`;
  return `put ${change.key}=${printEntry(change.entry)}`;
}

export function printEntry(entry: Entry): string {
  const { value, createRevision, modRevision, version, lease } = entry;
  return `${value} @${modRevision} created ${createRevision} version ${version}${lease === 0n ? '' : ` lease ${lease}`}`;
}

export function printWrite(write: Write): string {
  switch (write.kind) {
    case 'put':
      return `put ${write.key}=${write.value}${write.lease === 0n ? '' : ` lease ${write.lease}`}`;
    case 'delete':
      return `delete ${write.prefix}${write.single ? '' : '*'}`;
    case 'txn': {
      const guard = write.guard === undefined ? '' : `if ${write.guard.key} is @${write.guard.modRevision}: `;
      const parts = [
        ...write.puts.map(({ key, value }) => `put ${key}=${value}`),
        ...write.deletes.map((key) => `delete ${key}`),
      ];
      return `txn ${guard}${parts.join(', ')}`;
    }
    case 'revoke':
      return `revoke ${write.lease}`;
  }
}
