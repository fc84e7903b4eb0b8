/*
 * The naive twin of a store: a full map of keys per revision, and the plain list of all changes. Every rule is written
 * down here a second time, as directly as possible and with nothing of the store's machinery.
 */
import { compare, crc32c, EMPTY, equals, fromLatin1 } from '@kontiki/std';
import { encodeKeyValue } from '../codec.js';
import { MvccError } from '../errors.js';
import { contains } from '../range.js';
import { encodeRevision } from '../revision.js';
import type { Compare } from '../txn/compare.js';
import type { Op, OpResult, PutOp, Txn, TxnCheck, TxnResult } from '../txn/txn.js';
import type { Change } from '../txn/write.js';
import type { Key, KeyRange, KeyValue, RangeOptions, RangeResult } from '../types.js';

type State = ReadonlyMap<Key, KeyValue>;

/** One change as it is logged. */
export interface Logged {
  readonly main: number;
  readonly sub: number;
  readonly key: Key;
  /** Undefined: deleted. */
  readonly kv: KeyValue | undefined;
}

/** A state in the making. */
interface Draft {
  readonly before: State;
  readonly now: Map<Key, KeyValue>;
  readonly log: Logged[];
  readonly changes: Change[];
}

export class NaiveStore {
  /** By revision; what is compacted stays, to show that it does not matter. */
  readonly #states: State[] = [new Map(), new Map()];
  readonly log: Logged[] = [];
  compactedRevision = -1;

  get revision(): number {
    return this.#states.length - 1;
  }

  /** The state after a revision, compacted or not. */
  state(revision: number): State {
    return this.#states[revision]!;
  }

  range(range: KeyRange, options: RangeOptions = {}): RangeResult {
    return this.#range(range, options, this.#states.at(-1)!, this.revision);
  }

  #range(range: KeyRange, options: RangeOptions, now: State, current: number): RangeResult {
    const asked = options.revision ?? 0;
    if (asked > current) throw new MvccError('FUTURE_REVISION', 'future');
    const at = asked <= 0 ? current : asked;
    if (at < this.compactedRevision) throw new MvccError('COMPACTED', 'compacted');
    const state = at === current ? now : this.#states[at]!;

    let kvs = [...state.values()].filter((kv) => contains(range, latin1(kv.key)));
    kvs.sort((a, b) => compare(a.key, b.key));
    const count = kvs.length;
    if (options.countOnly === true) return { revision: current, kvs: [], more: false, count };

    const limit = options.limit ?? 0;
    const filters = [
      (kv: KeyValue) => !options.maxModRevision || kv.modRevision <= options.maxModRevision,
      (kv: KeyValue) => !options.minModRevision || kv.modRevision >= options.minModRevision,
      (kv: KeyValue) => !options.maxCreateRevision || kv.createRevision <= options.maxCreateRevision,
      (kv: KeyValue) => !options.minCreateRevision || kv.createRevision >= options.minCreateRevision,
    ];
    const hasFilter = [
      options.maxModRevision,
      options.minModRevision,
      options.maxCreateRevision,
      options.minCreateRevision,
    ].some((bound) => bound !== undefined && bound !== 0);
    const order = options.sortOrder ?? 'none';
    if (limit > 0 && order === 'none' && !hasFilter) kvs = kvs.slice(0, limit + 1);
    for (const filter of filters) kvs = kvs.filter(filter);

    const target = options.sortTarget ?? 'key';
    if (order !== 'none' || target !== 'key') {
      const compareKvs = (a: KeyValue, b: KeyValue): number => {
        if (target === 'key') return compare(a.key, b.key);
        if (target === 'value') return compare(a.value, b.value);
        if (target === 'version') return a.version - b.version;
        return target === 'mod' ? a.modRevision - b.modRevision : a.createRevision - b.createRevision;
      };
      kvs.sort((a, b) => (order === 'descend' ? compareKvs(b, a) : compareKvs(a, b)));
    }
    const more = limit > 0 && kvs.length > limit;
    if (more) kvs = kvs.slice(0, limit);
    if (options.keysOnly === true) kvs = kvs.map((kv) => ({ ...kv, value: EMPTY }));
    return { revision: current, kvs, more, count };
  }

  txn(txn: Txn, check: TxnCheck = {}): TxnResult {
    const before = this.#states.at(-1)!;
    this.#check('put', txn, before, check);
    this.#check('range', txn, before, check);
    const draft: Draft = { before, now: new Map(before), log: [], changes: [] };
    const { succeeded, results } = this.#run(txn, draft);
    if (draft.log.length > 0) {
      this.#states.push(draft.now);
      this.log.push(...draft.log);
    }
    return { revision: this.revision, succeeded, results, changes: draft.changes };
  }

  #chosen(txn: Txn, state: State): readonly Op[] {
    return txn.compares.every((one) => this.#holds(one, state)) ? txn.success : txn.failure;
  }

  /** All puts of the chosen branches first, then all their reads. */
  #check(kind: 'put' | 'range', txn: Txn, state: State, check: TxnCheck): void {
    for (const op of this.#chosen(txn, state)) {
      if (op.kind === 'range' && kind === 'range') {
        const revision = op.options?.revision ?? 0;
        if (revision > this.revision) throw new MvccError('FUTURE_REVISION', 'future');
        if (revision !== 0 && revision < this.compactedRevision) throw new MvccError('COMPACTED', 'compacted');
      }
      if (op.kind === 'put' && kind === 'put') {
        if ((op.ignoreLease || op.ignoreValue) && !state.has(op.key)) throw new MvccError('KEY_NOT_FOUND', 'key');
        const lease = op.lease ?? 0n;
        if (lease !== 0n && check.leaseExists !== undefined && !check.leaseExists(lease)) {
          throw new MvccError('LEASE_NOT_FOUND', 'lease');
        }
      }
      if (op.kind === 'txn') this.#check(kind, op.txn, state, check);
    }
  }

  #run(txn: Txn, draft: Draft): { succeeded: boolean; results: OpResult[] } {
    const ops = this.#chosen(txn, draft.before);
    const succeeded = txn.compares.every((one) => this.#holds(one, draft.before));
    return { succeeded, results: ops.map((op) => this.#op(op, draft)) };
  }

  #op(op: Op, draft: Draft): OpResult {
    const current = (): number => (draft.log.length > 0 ? this.revision + 1 : this.revision);
    switch (op.kind) {
      case 'range':
        return { kind: 'range', result: this.#range(op.range, op.options ?? {}, draft.now, current()) };
      case 'put': {
        const prevKv = draft.now.get(op.key);
        this.#put(op, draft);
        const revision = current();
        return op.prevKv && prevKv !== undefined ? { kind: 'put', revision, prevKv } : { kind: 'put', revision };
      }
      case 'delete': {
        const hit = [...draft.now.values()].filter((kv) => contains(op.range, latin1(kv.key)));
        hit.sort((a, b) => compare(a.key, b.key));
        for (const kv of hit) {
          const key = latin1(kv.key);
          draft.now.delete(key);
          draft.log.push({ main: this.revision + 1, sub: draft.log.length, key, kv: undefined });
          draft.changes.push({ kind: 'delete', key });
        }
        return { kind: 'delete', revision: current(), deleted: hit.length, prevKvs: op.prevKv ? hit : [] };
      }
      case 'txn':
        return { kind: 'txn', ...this.#run(op.txn, draft) };
    }
  }

  #put(op: PutOp, draft: Draft): void {
    const old = draft.now.get(op.key);
    if ((op.ignoreLease || op.ignoreValue) && old === undefined) throw new MvccError('KEY_NOT_FOUND', 'key');
    const main = this.revision + 1;
    const kv: KeyValue = {
      key: fromLatin1(op.key),
      createRevision: old === undefined ? main : old.createRevision,
      modRevision: main,
      version: old === undefined ? 1 : old.version + 1,
      value: op.ignoreValue ? old!.value : op.value,
      lease: op.ignoreLease ? old!.lease : (op.lease ?? 0n),
    };
    draft.now.set(op.key, kv);
    draft.log.push({ main, sub: draft.log.length, key: op.key, kv });
    draft.changes.push({ kind: 'put', key: op.key, lease: kv.lease });
  }

  #holds(one: Compare, state: State): boolean {
    const kvs = [...state.values()].filter((kv) => contains(one.range, latin1(kv.key)));
    if (kvs.length > 0) return kvs.every((kv) => satisfied(one, kv));
    if (one.target === 'value') return false;
    const none = { key: EMPTY, createRevision: 0, modRevision: 0, version: 0, value: EMPTY, lease: 0n };
    return satisfied(one, none);
  }

  compact(revision: number): void {
    if (revision <= this.compactedRevision) throw new MvccError('COMPACTED', 'compacted');
    if (revision > this.revision) throw new MvccError('FUTURE_REVISION', 'future');
    this.compactedRevision = revision;
  }

  /** Every change that a compaction at `compacted`, carried through, leaves stored. */
  stored(compacted: number = this.compactedRevision): readonly Logged[] {
    return this.log.filter((change, at) => {
      if (change.main > compacted) return true;
      if (change.kv === undefined) return change.main === compacted;
      return !this.log.some((later, i) => i > at && later.main <= compacted && later.key === change.key);
    });
  }

  hash(revision = 0): { hash: number; compactRevision: number; hashRevision: number } {
    const at = revision === 0 ? this.revision : revision;
    if (at > this.revision) throw new MvccError('FUTURE_REVISION', 'future');
    if (revision > 0 && at < this.compactedRevision) throw new MvccError('COMPACTED', 'compacted');
    const shown = new Set<Logged>();
    let isAnyShown = false;
    for (const key of new Set(this.log.map((change) => change.key))) {
      const newest = this.log.findLast((change) => change.key === key && change.main <= at);
      if (newest?.kv === undefined) continue;
      shown.add(newest);
      // etcd does not see a key that the write of this very revision deleted and put again
      isAnyShown ||= !this.log.some((change) => change.key === key && change.main === at && change.kv === undefined);
    }
    let hash = crc32c(fromLatin1('key'));
    for (const change of this.stored()) {
      if (change.main > at) continue;
      if (change.main <= this.compactedRevision && isAnyShown && !shown.has(change)) continue;
      if (change.main === this.compactedRevision && change.kv === undefined) continue;
      const none = { createRevision: 0, modRevision: 0, version: 0, value: EMPTY, lease: 0n };
      hash = crc32c(encodeRevision(change.main, change.sub, change.kv === undefined), hash);
      hash = crc32c(encodeKeyValue(change.kv ?? { key: fromLatin1(change.key), ...none }), hash);
    }
    return { hash, compactRevision: this.compactedRevision, hashRevision: at };
  }
}

function satisfied(one: Compare, kv: KeyValue): boolean {
  const sign = (): number => {
    switch (one.target) {
      case 'version':
        return kv.version - (one.number ?? 0);
      case 'create':
        return kv.createRevision - (one.number ?? 0);
      case 'mod':
        return kv.modRevision - (one.number ?? 0);
      case 'value':
        return equals(kv.value, one.value ?? EMPTY) ? 0 : compare(kv.value, one.value ?? EMPTY);
      case 'lease':
        return kv.lease === (one.lease ?? 0n) ? 0 : kv.lease < (one.lease ?? 0n) ? -1 : 1;
      case 'unknown':
        return 0;
    }
  };
  if (one.result === 'unknown') return true;
  if (one.result === 'notEqual') return sign() !== 0;
  if (one.result === 'equal') return sign() === 0;
  return one.result === 'greater' ? sign() > 0 : sign() < 0;
}

function latin1(bytes: Uint8Array): Key {
  return String.fromCharCode(...bytes);
}
