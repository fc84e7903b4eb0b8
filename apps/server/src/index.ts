/**
 * The Kontiki server as a library: for tests and tools that run one in their own process.
 *
 * @packageDocumentation
 */

export type { ServerOptions } from './config/options.js';
export { parseCommandLine } from './config/parse.js';
export { openLogger, type ServerLogger } from './observe/logger.js';
export { Server } from './server.js';
