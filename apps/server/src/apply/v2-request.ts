import { etcdserver, type internal } from '@kontiki/proto';

/** What an entry of the second API comes to in the third. */
type Translated = Pick<internal.InternalRaftRequest, 'clusterMemberAttrSet' | 'clusterVersionSet'>;

const ATTRIBUTES = /^\/0\/members\/([0-9a-f]{1,16})\/attributes$/;
const CLUSTER_VERSION = '/0/version';
const ID_TAG = 0x08;
const SECOND_FIELD_TAG = 0x12;

/**
 * Whether an entry is a bare request of etcd's second API: its members up to 3.5 publish themselves, and set the
 * cluster version, by one. It begins as any other entry does, with an id; then comes its method, in capital letters,
 * where the others have a message, which never begins so.
 */
export function isV2Request(data: Uint8Array): boolean {
  let at = 0;
  if (data[at] === ID_TAG) {
    at++;
    while ((data[at] ?? 0) >= 0x80) at++;
    at++;
  }
  const first = data[at + 2];
  return data[at] === SECOND_FIELD_TAG && first !== undefined && first >= 0x41 && first <= 0x5a;
}

/** @throws when the bytes are no such request */
export function decodeV2Request(data: Uint8Array): etcdserver.Request {
  return etcdserver.Request.decode(data);
}

/**
 * The same in terms of the third API.
 * @throws Error for one that changes the store of the second API, which does not exist here
 */
export function translateV2Request({ Method, Path, Val }: etcdserver.Request): Translated {
  const [, member] = ATTRIBUTES.exec(Path) ?? [];
  if (Method === 'PUT' && member !== undefined) {
    const { name, clientURLs } = JSON.parse(Val) as { name?: string; clientURLs?: string[] | null };
    return {
      clusterMemberAttrSet: {
        memberID: BigInt(`0x${member}`),
        memberAttributes: { name: name ?? '', clientUrls: clientURLs ?? [] },
      },
      clusterVersionSet: undefined,
    };
  }
  if (Method === 'PUT' && Path === CLUSTER_VERSION) {
    return { clusterMemberAttrSet: undefined, clusterVersionSet: { ver: Val } };
  }
  throw new Error(`the log holds a request of etcd's second API (${Method} ${Path}), whose store does not exist here`);
}
