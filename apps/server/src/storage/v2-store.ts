/**
 * The store of etcd's second API, as JSON: the members of etcd up to 3.5 keep there, too, who belongs to the cluster,
 * and believe it before the tables. A snapshot for another member carries it beside the database; the receiver loads
 * it, or stops when there is none.
 *
 * ```
 * /0/members/<id>/raftAttributes   {"peerURLs":[…],"isLearner":true}
 * /0/members/<id>/attributes       {"name":…,"clientURLs":[…]}; once the member has published itself
 * /0/removed_members/<id>          removed
 * /0/version                       the cluster version
 * /1                               keys of clients: none
 * ```
 */
import { hexId } from '../cluster/member-id.js';
import { isStarted, type Member, type SavedMembers } from '../cluster/members.js';

/** Layout of the JSON. */
const VERSION = 2;

interface Node {
  readonly Path: string;
  readonly CreatedIndex: number;
  readonly ModifiedIndex: number;
  /** Never. */
  readonly ExpireTime: '0001-01-01T00:00:00Z';
  readonly Value: string;
  /** null: a file. A folder without files is one still. */
  readonly Children: Readonly<Record<string, Node>> | null;
}

/** The names of a folder to text, a file, or more names, a folder. */
interface Folder {
  readonly [name: string]: string | Folder;
}

/** UTF-8 JSON of that store, for a cluster with these members. */
export function encodeV2Store({ members, removed, clusterVersion }: SavedMembers): Uint8Array {
  const about: Folder = {
    members: Object.fromEntries(members.map((member) => [hexId(member.id), attributesOf(member)])),
    ...(removed.length > 0 && { removed_members: Object.fromEntries(removed.map((id) => [hexId(id), 'removed'])) }),
    ...(clusterVersion !== undefined && { version: clusterVersion }),
  };
  const store = { Root: nodeOf('/', { 0: about, 1: {} }), CurrentIndex: 0, CurrentVersion: VERSION };
  return new TextEncoder().encode(JSON.stringify(store));
}

function attributesOf(member: Member): Folder {
  const { peerUrls, isLearner, name, clientUrls } = member;
  return {
    raftAttributes: JSON.stringify({ peerURLs: peerUrls, ...(isLearner && { isLearner }) }),
    ...(isStarted(member) && {
      attributes: JSON.stringify({ name, ...(clientUrls.length > 0 && { clientURLs: clientUrls }) }),
    }),
  };
}

function nodeOf(path: string, contents: string | Folder): Node {
  const isFile = typeof contents === 'string';
  const below = (name: string): string => (path === '/' ? `/${name}` : `${path}/${name}`);
  return {
    Path: path,
    CreatedIndex: 0,
    ModifiedIndex: 0,
    ExpireTime: '0001-01-01T00:00:00Z',
    Value: isFile ? contents : '',
    Children: isFile
      ? null
      : Object.fromEntries(Object.entries(contents).map(([name, inner]) => [name, nodeOf(below(name), inner)])),
  };
}
