/**
 * A history as data: what a run does, in words that mean the same on both servers. Revisions, leases and members are
 * named relative to the run, so that any part of a history can be removed and the rest still makes sense.
 */

/** A byte string, one character per byte. */
export type Bytes = string;

/** A revision: `plus` alone, or counted from a point of the run known when the operation is reached. */
export interface Revision {
  /** `start`: after the wipe that begins the run. `compacted`: the last compaction, 0 before the first. */
  readonly from: 'zero' | 'start' | 'current' | 'compacted';
  readonly plus: bigint;
}

/** Bytes as they are, or so many of them. */
export type Value = Bytes | { readonly size: number };

/** A lease by its id, or the n-th of those whose id the server chose (0 when there is none). */
export type LeaseName = bigint | { readonly auto: number };

export interface Range {
  readonly kind: 'range';
  readonly key: Bytes;
  readonly end: Bytes;
  readonly limit: bigint;
  readonly revision: Revision;
  readonly order: number;
  readonly target: number;
  readonly serializable: boolean;
  readonly keysOnly: boolean;
  readonly countOnly: boolean;
  readonly minMod: Revision;
  readonly maxMod: Revision;
  readonly minCreate: Revision;
  readonly maxCreate: Revision;
}

export interface Put {
  readonly kind: 'put';
  readonly key: Bytes;
  readonly value: Value;
  readonly lease: bigint;
  readonly prevKv: boolean;
  readonly ignoreValue: boolean;
  readonly ignoreLease: boolean;
}

export interface Delete {
  readonly kind: 'delete';
  readonly key: Bytes;
  readonly end: Bytes;
  readonly prevKv: boolean;
}

export interface Compare {
  readonly key: Bytes;
  readonly end: Bytes;
  readonly target: number;
  readonly result: number;
  /** The operand; absent: none is sent. `kind` need not fit `target`. */
  readonly operand?:
    | { readonly kind: 'version' | 'lease'; readonly number: bigint }
    | { readonly kind: 'create' | 'mod'; readonly revision: Revision }
    | { readonly kind: 'value'; readonly value: Bytes };
}

/** `many`: so many puts or reads of different keys, `<prefix>0`, `<prefix>1`, … */
export type TxnOperation =
  | Range
  | Put
  | Delete
  | Txn
  | { readonly kind: 'empty' }
  | { readonly kind: 'many'; readonly of: 'put' | 'range'; readonly prefix: Bytes; readonly count: number };

export interface Txn {
  readonly kind: 'txn';
  readonly compares: readonly Compare[];
  /** So many more compares, all true. */
  readonly moreCompares: number;
  readonly success: readonly TxnOperation[];
  readonly failure: readonly TxnOperation[];
}

export interface WatchCreate {
  readonly kind: 'watch';
  readonly stream: number;
  readonly key: Bytes;
  readonly end: Bytes;
  readonly start: Revision;
  readonly filters: readonly number[];
  readonly prevKv: boolean;
  readonly progressNotify: boolean;
  readonly fragment: boolean;
  readonly id: bigint;
}

export type Operation =
  | Range
  | Put
  | Delete
  | Txn
  | { readonly kind: 'compact'; readonly revision: Revision; readonly physical: boolean }
  | { readonly kind: 'grant'; readonly id: bigint; readonly ttl: bigint }
  | { readonly kind: 'revoke'; readonly id: LeaseName }
  | { readonly kind: 'timeToLive'; readonly id: LeaseName; readonly keys: boolean }
  | { readonly kind: 'keepAlive'; readonly id: LeaseName }
  | { readonly kind: 'leases' }
  /** A lease of the shortest time with a key; the run goes on when it has expired on both servers. */
  | { readonly kind: 'expire'; readonly id: bigint; readonly key: Bytes }
  | WatchCreate
  | { readonly kind: 'cancelWatch'; readonly stream: number; readonly id: bigint }
  | { readonly kind: 'progress'; readonly stream: number }
  | { readonly kind: 'hashKv'; readonly revision: Revision }
  | { readonly kind: 'status' }
  | { readonly kind: 'memberList'; readonly linearizable: boolean }
  /** Membership calls that must be refused. */
  | { readonly kind: 'memberRefused'; readonly call: 'add' | 'remove' | 'update' | 'promote'; readonly url: string }
  | { readonly kind: 'alarm'; readonly action: number; readonly member: 'self' | bigint; readonly alarm: number }
  | { readonly kind: 'defragment' }
  | { readonly kind: 'moveLeader'; readonly target: 'self' | bigint }
  /** A unary call with these bytes as its message. */
  | { readonly kind: 'raw'; readonly path: string; readonly bytes: Bytes }
  /** A stream of its own that gets these bytes as its first message. */
  | { readonly kind: 'rawStream'; readonly path: string; readonly bytes: Bytes }
  /** Both servers end and start again on their directories. */
  | { readonly kind: 'restart' };

export interface History {
  /** On servers nothing was ever done to, instead of those that served the runs before. */
  readonly fresh: boolean;
  readonly operations: readonly Operation[];
}

/** One line per operation, defaults left out. */
export function describe(operation: Operation | TxnOperation | Compare): string {
  const { kind, ...rest } = operation as { kind?: string };
  const parts = Object.entries(rest)
    .filter(([, value]) => !isDefault(value))
    .map(([name, value]) => (value === true ? name : `${name}=${show(value)}`));
  return [...(kind === undefined ? [] : [kind]), ...parts].join(' ');
}

function isDefault(value: unknown): boolean {
  if (value === false || value === 0 || value === 0n || value === '') return true;
  if (Array.isArray(value)) return value.length === 0;
  return isRevision(value) && value.from === 'zero' && value.plus === 0n;
}

function show(value: unknown): string {
  if (typeof value === 'string') return quote(value);
  if (Array.isArray(value)) {
    return `[${value.map((item) => (typeof item === 'object' ? `{${describe(item)}}` : show(item))).join(', ')}]`;
  }
  if (isRevision(value)) {
    if (value.from === 'zero') return String(value.plus);
    return value.plus === 0n ? value.from : `${value.from}${value.plus > 0n ? '+' : ''}${value.plus}`;
  }
  if (typeof value === 'object' && value !== null) {
    return `(${Object.entries(value)
      .map(([name, inner]) => `${name} ${show(inner)}`)
      .join(' ')})`;
  }
  return String(value);
}

function isRevision(value: unknown): value is Revision {
  return typeof value === 'object' && value !== null && 'from' in value && 'plus' in value;
}

/** Printable ASCII as it is, other bytes as `\xNN`. */
export function quote(bytes: Bytes): string {
  let text = '';
  for (const character of bytes) {
    const code = character.charCodeAt(0);
    const plain = code >= 0x20 && code < 0x7f && character !== '"' && character !== '\\';
    text += plain ? character : `\\x${code.toString(16).padStart(2, '0')}`;
  }
  return `"${text}"`;
}
