/**
 * Membership changes as entries of the log: JSON about the member in the change's context, as etcd writes it. Ids are
 * JSON numbers there, beyond what JSON.stringify can carry.
 */
import type { MembershipChange } from '@kontiki/raft';
import type { Member, MemberChange } from './members.js';

/** As etcd writes a member: keys in this order, empty ones left out. */
interface Described {
  readonly peerURLs?: readonly string[] | null;
  readonly isLearner?: boolean;
  readonly name?: string;
  readonly clientURLs?: readonly string[];
  readonly isPromote?: boolean;
}

/** JSON about a member, id first. */
export function describeMember(member: Member, more: { readonly isPromote?: true } = {}): string {
  const rest: Described = {
    peerURLs: member.peerUrls,
    ...(member.isLearner && { isLearner: true }),
    ...(member.name !== '' && { name: member.name }),
    ...(member.clientUrls.length > 0 && { clientURLs: member.clientUrls }),
    ...more,
  };
  return `{"id":${member.id},${JSON.stringify(rest).slice(1)}`;
}

/** @param id under which the proposer waits */
export function encodeMemberChange(id: bigint, change: MemberChange): MembershipChange {
  const context = (text: string): Uint8Array => new TextEncoder().encode(text);
  const single = (
    action: 'addVoter' | 'addLearner' | 'remove' | 'update',
    node: bigint,
    about: string,
  ): MembershipChange => ({ kind: 'change', id, step: { action, node }, context: context(about) });
  const nobody = { peerUrls: [], isLearner: false, name: '', clientUrls: [] };
  switch (change.kind) {
    case 'add':
      return single(
        change.member.isLearner ? 'addLearner' : 'addVoter',
        change.member.id,
        describeMember(change.member),
      );
    case 'promote':
      return single('addVoter', change.id, describeMember({ ...nobody, id: change.id }, { isPromote: true }));
    case 'remove':
      return single('remove', change.id, '');
    case 'update':
      return single('update', change.id, describeMember({ ...nobody, id: change.id, peerUrls: change.peerUrls }));
  }
}

/**
 * What a change of the log asks for; undefined for one that names no member (a joint configuration is left).
 * @throws SyntaxError when its context is no JSON
 */
export function decodeMemberChange(change: MembershipChange): MemberChange | undefined {
  if (change.kind !== 'change') return undefined;
  const { action, node: id } = change.step;
  if (action === 'remove') return { kind: 'remove', id };
  const about = JSON.parse(new TextDecoder().decode(change.context)) as Described;
  if (action === 'update') return { kind: 'update', id, peerUrls: about.peerURLs ?? [] };
  if (about.isPromote === true) return { kind: 'promote', id };
  return {
    kind: 'add',
    member: {
      id,
      peerUrls: about.peerURLs ?? [],
      isLearner: about.isLearner ?? false,
      name: about.name ?? '',
      clientUrls: about.clientURLs ?? [],
    },
  };
}
