import { rpc } from '@kontiki/proto';
import type { Member } from '../cluster/members.js';
import type { Node } from '../node/node.js';
import { clusterHeader } from './header.js';
import { type Service, service } from './service.js';

export function clusterService(node: Node): Service {
  return service(rpc.ClusterDefinition, {
    async memberList(request) {
      if (request.linearizable) await node.readBarrier();
      return { header: clusterHeader(node), members: node.membership.list().map(fromMember) };
    },

    async memberAdd(request) {
      const { member, members } = await node.members.add(request.peerURLs, request.isLearner);
      return { header: clusterHeader(node), member: fromMember(member), members: members.map(fromMember) };
    },

    async memberRemove(request) {
      const members = await node.members.remove(request.ID);
      return { header: clusterHeader(node), members: members.map(fromMember) };
    },

    async memberUpdate(request) {
      const members = await node.members.update(request.ID, request.peerURLs);
      return { header: clusterHeader(node), members: members.map(fromMember) };
    },

    async memberPromote(request) {
      const members = await node.members.promote(request.ID);
      return { header: clusterHeader(node), members: members.map(fromMember) };
    },
  });
}

function fromMember(member: Member): rpc.Member {
  return {
    ID: member.id,
    name: member.name,
    peerURLs: [...member.peerUrls],
    clientURLs: [...member.clientUrls],
    isLearner: member.isLearner,
  };
}
