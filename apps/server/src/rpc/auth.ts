import { rpc } from '@kontiki/proto';
import { ServerError } from '../errors.js';
import type { Node } from '../node/node.js';
import { header } from './header.js';
import { type Service, service } from './service.js';

/** Auth is off: that can be asked, and is the answer to a login. */
export function authService(node: Node): Service {
  return service(rpc.AuthDefinition, {
    async authStatus() {
      const reply = await node.authStatus();
      return { ...reply, header: header(node, reply.header?.revision) };
    },

    authenticate() {
      throw new ServerError('AuthNotEnabled');
    },
  });
}
