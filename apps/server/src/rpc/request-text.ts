import { rpc } from '@kontiki/proto';

/** A field as it is named in .proto, and what it holds; 0, empty and false are left out, as they are on the wire. */
type Field = readonly [name: string, value: Uint8Array | number | bigint | boolean | string];

/*
 * Requests on keys as etcd's log shows them: protobuf's text form on one line, where the value of a put or of a
 * comparison is replaced by its size. Keys do show.
 */

export function rangeText(range: rpc.RangeRequest): string {
  return text([
    ['key', range.key],
    ['range_end', range.rangeEnd],
    ['limit', range.limit],
    ['revision', range.revision],
    ['sort_order', nameIn(rpc.RangeRequest_SortOrder, range.sortOrder)],
    ['sort_target', nameIn(rpc.RangeRequest_SortTarget, range.sortTarget)],
    ['serializable', range.serializable],
    ['keys_only', range.keysOnly],
    ['count_only', range.countOnly],
    ['min_mod_revision', range.minModRevision],
    ['max_mod_revision', range.maxModRevision],
    ['min_create_revision', range.minCreateRevision],
    ['max_create_revision', range.maxCreateRevision],
  ]);
}

export function putText(put: rpc.PutRequest): string {
  return text([
    ['key', put.key],
    ['value_size', put.value.length],
    ['lease', put.lease],
    ['prev_kv', put.prevKv],
    ['ignore_value', put.ignoreValue],
    ['ignore_lease', put.ignoreLease],
  ]);
}

export function deleteText(request: rpc.DeleteRangeRequest): string {
  return text([
    ['key', request.key],
    ['range_end', request.rangeEnd],
    ['prev_kv', request.prevKv],
  ]);
}

export function txnText(txn: rpc.TxnRequest): string {
  const ops = (list: readonly rpc.RequestOp[]): string => list.map(opText).join(' ');
  const compares = txn.compare.map(compareText).join(' ');
  return `compare:<${compares}> success:<${ops(txn.success)}> failure:<${ops(txn.failure)}>`;
}

/** The spaces are etcd's: what it prints by itself ends without one, what the library prints ends with one. */
function opText({ request }: rpc.RequestOp): string {
  switch (request?.$case) {
    case 'requestRange':
      return `request_range:<${rangeText(request.value)}> `;
    case 'requestPut':
      return `request_put:<${putText(request.value)}>`;
    case 'requestDeleteRange':
      return `request_delete_range:<${deleteText(request.value)}> `;
    case 'requestTxn':
      return `request_txn:<${txnText(request.value)}>`;
    case undefined:
      return '';
  }
}

function compareText(compare: rpc.Compare): string {
  return (
    text([
      ['result', nameIn(rpc.Compare_CompareResult, compare.result)],
      ['target', nameIn(rpc.Compare_CompareTarget, compare.target)],
      ['key', compare.key],
    ]) +
    comparedText(compare.targetUnion) +
    text([['range_end', compare.rangeEnd]])
  );
}

const COMPARED = { version: 'version', createRevision: 'create_revision', modRevision: 'mod_revision', lease: 'lease' };

/** What was chosen of a oneof is printed even when it is zero. */
function comparedText(union: rpc.Compare['targetUnion']): string {
  if (union === undefined) return '';
  if (union.$case === 'value') return text([['value_size', union.value.length]]);
  return `${COMPARED[union.$case]}:${union.value} `;
}

function text(fields: readonly Field[]): string {
  let line = '';
  for (const [name, value] of fields) {
    if (value instanceof Uint8Array) {
      if (value.length > 0) line += `${name}:"${quoted(value)}" `;
    } else if (value !== '' && value !== false && value !== 0 && value !== 0n) line += `${name}:${value} `;
  }
  return line;
}

/** The name of an enum's number; nothing for 0, the number itself when it has no name. */
function nameIn(names: Readonly<Record<string, number>>, value: number): string {
  if (value === 0) return '';
  return Object.entries(names).find(([, number]) => number === value)?.[0] ?? String(value);
}

const ESCAPES: ReadonlyMap<number, string> = new Map([
  [0x0a, '\\n'],
  [0x0d, '\\r'],
  [0x09, '\\t'],
  [0x22, '\\"'],
  [0x5c, '\\\\'],
]);

/** Of a key, what is enough to recognise it. */
const MAX_KEY_BYTES = 1024;

function quoted(bytes: Uint8Array): string {
  let out = '';
  for (const byte of bytes.subarray(0, MAX_KEY_BYTES)) {
    const plain = byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`;
    out += ESCAPES.get(byte) ?? plain;
  }
  return bytes.length > MAX_KEY_BYTES ? `${out}...` : out;
}
