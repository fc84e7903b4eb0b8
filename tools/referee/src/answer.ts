import { createHash } from 'node:crypto';
import { rpc } from '@kontiki/proto';
import { toLatin1 } from '@kontiki/std';
import { quote } from './operation.js';

/** Plain data that can be compared and printed: bytes and ids as text, absent fields left out. */
export type Tree = string | number | boolean | null | readonly Tree[] | { readonly [name: string]: Tree };

/** What one call came to, with what belongs to one server only (ids, ports, terms) replaced by names. */
export interface Answer {
  /** gRPC status. */
  readonly status: number;
  readonly details: string;
  readonly message?: Tree;
}

/** What a server calls itself; see {@link normalise}. */
export interface Identity {
  readonly clusterId: bigint;
  readonly memberId: bigint;
  readonly term: bigint;
  /** host:port -> name */
  readonly addresses: ReadonlyMap<string, string>;
  /** Ids of leases the server chose, in the order it did. */
  readonly autoLeases: readonly bigint[];
}

type Decoder = (bytes: Uint8Array) => object;

const services = [
  rpc.KVDefinition,
  rpc.LeaseDefinition,
  rpc.ClusterDefinition,
  rpc.MaintenanceDefinition,
  rpc.AuthDefinition,
];

const decoders = new Map<string, Decoder>(
  services.flatMap((service) =>
    Object.values(service.methods).map((method): [string, Decoder] => [
      `/${service.fullName}/${method.name}`,
      (bytes) => method.responseType.decode(bytes),
    ]),
  ),
);

/** Decodes the response of the method at `path`. Undecodable bytes are an answer too: they are shown as they are. */
export function decodeResponse(path: string, bytes: Uint8Array): unknown {
  const decode = decoders.get(path);
  if (decode === undefined) return { undecoded: bytes };
  try {
    return decode(bytes);
  } catch (error) {
    return { undecodable: String(error), bytes };
  }
}

/** A decoded message as a {@link Tree}, with one server's own numbers and addresses named. */
export function normalise(value: unknown, identity: Identity, name = ''): Tree {
  if (value === null || value === undefined) return null;
  if (typeof value === 'bigint') return nameOf(value, name, identity);
  if (typeof value === 'number') {
    return name === 'raftTerm' && BigInt(value) === identity.term ? '<term>' : value;
  }
  if (typeof value === 'boolean') return value;
  if (typeof value === 'string') return anonymous(value, identity);
  if (value instanceof Uint8Array) return printBytes(value);
  if (Array.isArray(value)) return value.map((item) => normalise(item, identity, name));
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .map(([key, field]) => [key, normalise(field, identity, key)]),
  );
}

/** Text with one server's addresses and member id named. */
export function anonymous(text: string, identity: Identity): string {
  let result = text.replaceAll(String(identity.memberId), '<member>');
  for (const [address, name] of identity.addresses) result = result.replaceAll(address, name);
  return result;
}

function nameOf(value: bigint, field: string, identity: Identity): string {
  const auto = identity.autoLeases.indexOf(value);
  if (auto >= 0) return `<auto lease ${auto}>`;
  if (value === identity.memberId) return '<member>';
  if (value === identity.clusterId) return '<cluster>';
  if (field === 'raftTerm' && value === identity.term) return '<term>';
  return String(value);
}

/** Long values by size and digest: they are compared, not read. */
function printBytes(bytes: Uint8Array): string {
  if (bytes.length <= 64) return quote(toLatin1(bytes));
  return `<${bytes.length} bytes ${createHash('sha1').update(bytes).digest('hex').slice(0, 12)}>`;
}

/** One place where two trees differ. */
export interface Mismatch {
  readonly path: string;
  readonly left: Tree | undefined;
  readonly right: Tree | undefined;
}

/** Every place where two trees differ, outermost first; a missing field and a present one differ. */
export function mismatches(left: Tree | undefined, right: Tree | undefined, path = ''): Mismatch[] {
  if (Object.is(left, right)) return [];
  if (Array.isArray(left) && Array.isArray(right)) {
    const length = Math.max(left.length, right.length);
    return Array.from({ length }, (_, i) => mismatches(left[i], right[i], `${path}[${i}]`)).flat();
  }
  if (isRecord(left) && isRecord(right)) {
    const names = [...new Set([...Object.keys(left), ...Object.keys(right)])];
    return names.flatMap((name) => mismatches(left[name], right[name], path === '' ? name : `${path}.${name}`));
  }
  return [{ path, left, right }];
}

export function isRecord(tree: Tree | undefined): tree is { readonly [name: string]: Tree } {
  return typeof tree === 'object' && tree !== null && !Array.isArray(tree);
}
