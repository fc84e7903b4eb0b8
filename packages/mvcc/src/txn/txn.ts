/*
 * If / then / else, nested. All comparisons, nested ones included, are about the state before; so are the checks, which
 * come next and of which the first that fails rejects everything. Then the operations of the chosen branches run in
 * order, each seeing what those before it did.
 */
import { assert } from '@kontiki/std';
import { decodeKeyValue } from '../codec.js';
import { compactedError, futureRevisionError, MvccError } from '../errors.js';
import type { Key, KeyRange, KeyValue, RangeOptions, RangeResult } from '../types.js';
import { type Compare, holds } from './compare.js';
import { type Source, View } from './view.js';
import type { Change, Write } from './write.js';

export interface RangeOp {
  readonly kind: 'range';
  readonly range: KeyRange;
  readonly options?: RangeOptions;
}

export interface PutOp {
  readonly kind: 'put';
  readonly key: Key;
  /** Copied. */
  readonly value: Uint8Array;
  /** Absent or 0n: none. */
  readonly lease?: bigint;
  readonly prevKv?: boolean;
  /** Keep the value that is there; the key must exist. */
  readonly ignoreValue?: boolean;
  /** Keep the lease that is there; the key must exist. */
  readonly ignoreLease?: boolean;
}

export interface DeleteOp {
  readonly kind: 'delete';
  readonly range: KeyRange;
  readonly prevKv?: boolean;
}

export interface TxnOp {
  readonly kind: 'txn';
  readonly txn: Txn;
}

export type Op = RangeOp | PutOp | DeleteOp | TxnOp;

/** If all `compares` hold then `success`, else `failure`. */
export interface Txn {
  readonly compares: readonly Compare[];
  readonly success: readonly Op[];
  readonly failure: readonly Op[];
}

export type OpResult =
  | { readonly kind: 'range'; readonly result: RangeResult }
  | { readonly kind: 'put'; readonly revision: number; readonly prevKv?: KeyValue }
  | {
      readonly kind: 'delete';
      readonly revision: number;
      readonly deleted: number;
      /** Filled if asked for. */
      readonly prevKvs: readonly KeyValue[];
    }
  | { readonly kind: 'txn'; readonly succeeded: boolean; readonly results: readonly OpResult[] };

export interface TxnResult {
  /** That of the state afterwards. */
  readonly revision: number;
  readonly succeeded: boolean;
  /** One per operation of the chosen branch. */
  readonly results: readonly OpResult[];
  readonly changes: readonly Change[];
}

/** What a transaction asks others. */
export interface TxnCheck {
  /** Absent: every lease exists. */
  leaseExists?(id: bigint): boolean;
}

/** Which branch each transaction takes: the outermost first, then those inside its branch in order, each with its own. */
type Path = readonly boolean[];

/** Only ranges, on both sides, all the way down. */
export function isReadOnly(txn: Txn): boolean {
  const reads = (op: Op): boolean => op.kind === 'range' || (op.kind === 'txn' && isReadOnly(op.txn));
  return txn.success.every(reads) && txn.failure.every(reads);
}

/**
 * Runs a transaction. Throws `LEASE_NOT_FOUND`, `KEY_NOT_FOUND`, `COMPACTED`, `FUTURE_REVISION`; what `write` has changed
 * by then is its caller's to take back.
 * @param write  absent for a read-only transaction
 */
export function runTxn(txn: Txn, source: Source, base: number, write: Write | undefined, check: TxnCheck): TxnResult {
  const path = choose(txn, source);
  // Two walks, as in etcd: a put anywhere that cannot be is said before a read anywhere that cannot be.
  if (write !== undefined) new PutChecks(source, check, path).branch(txn);
  new RangeChecks(source, base, path).branch(txn);
  const results = new Run(source, base, write, path).branch(txn);
  return { revision: write?.revision ?? base, succeeded: path[0]!, results, changes: write?.changes ?? [] };
}

function choose(txn: Txn, source: Source, path: boolean[] = []): Path {
  const succeeded = txn.compares.every((compare) => holds(source, compare));
  path.push(succeeded);
  for (const op of succeeded ? txn.success : txn.failure) if (op.kind === 'txn') choose(op.txn, source, path);
  return path;
}

/** Walks the chosen branches once, looking up each transaction's choice as it gets there. */
abstract class Walk {
  readonly #path: Path;
  #at = 0;

  constructor(path: Path) {
    this.#path = path;
  }

  protected chosen(txn: Txn): readonly Op[] {
    return this.#path[this.#at++]! ? txn.success : txn.failure;
  }

  protected get choice(): boolean {
    return this.#path[this.#at]!;
  }
}

/** What can reject the puts of a transaction, against the state before it. */
class PutChecks extends Walk {
  readonly #source: Source;
  readonly #check: TxnCheck;

  constructor(source: Source, check: TxnCheck, path: Path) {
    super(path);
    this.#source = source;
    this.#check = check;
  }

  branch(txn: Txn): void {
    for (const op of this.chosen(txn)) {
      if (op.kind === 'put') this.#put(op);
      else if (op.kind === 'txn') this.branch(op.txn);
    }
  }

  #put(op: PutOp): void {
    if ((op.ignoreValue === true || op.ignoreLease === true) && this.#source.index.head(op.key) === undefined) {
      throw keyNotFound();
    }
    const { lease = 0n } = op;
    if (lease !== 0n && this.#check.leaseExists?.(lease) === false) {
      throw new MvccError('LEASE_NOT_FOUND', `there is no lease ${lease}`);
    }
  }
}

/** What can reject the reads of a transaction, against the state before it. */
class RangeChecks extends Walk {
  readonly #source: Source;
  readonly #base: number;

  constructor(source: Source, base: number, path: Path) {
    super(path);
    this.#source = source;
    this.#base = base;
  }

  branch(txn: Txn): void {
    for (const op of this.chosen(txn)) {
      if (op.kind === 'range') this.#range(op.options?.revision ?? 0);
      else if (op.kind === 'txn') this.branch(op.txn);
    }
  }

  /** Unlike in a range of its own, a negative revision is compared with what is compacted: etcd does. */
  #range(revision: number): void {
    if (revision > this.#base) throw futureRevisionError(revision, this.#base);
    const { compactedRevision } = this.#source;
    if (revision !== 0 && revision < compactedRevision) throw compactedError(revision, compactedRevision);
  }
}

/** Executes the chosen branches. */
class Run extends Walk {
  readonly #source: Source;
  readonly #base: number;
  readonly #write: Write | undefined;

  constructor(source: Source, base: number, write: Write | undefined, path: Path) {
    super(path);
    this.#source = source;
    this.#base = base;
    this.#write = write;
  }

  branch(txn: Txn): OpResult[] {
    return this.chosen(txn).map((op) => this.#op(op));
  }

  #op(op: Op): OpResult {
    switch (op.kind) {
      case 'range':
        return { kind: 'range', result: this.#view().range(op.range, op.options ?? {}) };
      case 'put':
        return this.#put(op, this.#writing());
      case 'delete':
        return this.#delete(op, this.#writing());
      case 'txn': {
        const succeeded = this.choice;
        return { kind: 'txn', succeeded, results: this.branch(op.txn) };
      }
    }
  }

  #put(op: PutOp, write: Write): OpResult {
    const { key, ignoreValue = false, ignoreLease = false, prevKv = false } = op;
    let { value, lease = 0n } = op;
    if (!ignoreValue && !ignoreLease && !prevKv) {
      write.put(key, value, lease);
      return { kind: 'put', revision: write.revision };
    }
    const stored = write.current(key);
    const before = stored && decodeKeyValue(stored);
    // It was there when the checks ran, but an operation before this one may have deleted it.
    if ((ignoreValue || ignoreLease) && before === undefined) throw keyNotFound();
    if (ignoreValue && before !== undefined) value = before.value;
    if (ignoreLease && before !== undefined) lease = before.lease;
    write.put(key, value, lease);
    const { revision } = write;
    return prevKv && before !== undefined ? { kind: 'put', revision, prevKv: before } : { kind: 'put', revision };
  }

  #delete(op: DeleteOp, write: Write): OpResult {
    const prevKvs = op.prevKv === true ? write.range(op.range, {}).kvs : [];
    const deleted = write.deleteRange(op.range);
    return { kind: 'delete', revision: write.revision, deleted, prevKvs };
  }

  #view(): { range(range: KeyRange, options: RangeOptions): RangeResult } {
    return this.#write ?? new View(this.#source, this.#base);
  }

  #writing(): Write {
    assert(this.#write !== undefined, 'a read-only transaction changes nothing');
    return this.#write;
  }
}

function keyNotFound(): MvccError {
  return new MvccError('KEY_NOT_FOUND', 'a put that keeps the value or the lease needs a key that exists');
}
