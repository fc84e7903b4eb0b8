/**
 * What the tools that drive real servers share: finding the binaries, running them, talking to them.
 *
 * @packageDocumentation
 */
export {
  findEtcd,
  findEtcdctl,
  findKontiki,
  type Program,
  programOf,
  repositoryRoot,
  type ServerKind,
} from './binaries.js';
export { type Calls, Client, type Reply, type TypedStream } from './client.js';
export { freePorts } from './free-ports.js';
export { type RawAnswer, type RawCallOptions, RawClient, type RawStream } from './raw-client.js';
export { type Exit, type MemberOptions, type ServerOptions, ServerProcess } from './server-process.js';
