import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join, relative } from 'node:path';
import { type DirectoryLock, DirectoryLockedError } from '../file-system.js';
import { claim } from './directory-lock.js';

/** Bytes of a socket's path, its closing zero included: 108 on Linux, 104 elsewhere. */
const MAX_SOCKET_PATH = 104;

/** How long the owner may take to say who it is; that it is there is known without. */
const INTRODUCTION_MS = 1000;

/**
 * Takes the folder for this process, as `FileSystem.lock` promises: by Unix sockets, so among the processes of one
 * machine, containers included, on any file system that has sockets and hard links.
 */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  // Held open so that the folder has a short path as well.
  const folder = await fs.open(directory, 'r');
  const pathOf = (name: string): string => socketPath(directory, folder.fd, name);
  try {
    for (;;) {
      const server = await attempt(directory, pathOf);
      // From the close on nobody answers behind the name. The name stays, for the next owner to outnumber.
      if (server !== undefined) return { release: async () => void server.close() };
    }
  } finally {
    await folder.close();
  }
}

/** @returns the socket that owns the folder; undefined when a new attempt is needed. Throws DirectoryLockedError */
async function attempt(directory: string, pathOf: (name: string) => string): Promise<Server | undefined> {
  const ownName = `LOCK.${randomBytes(6).toString('hex')}.new`;
  const server = createServer((visitor) => {
    // Whoever knocks may leave at any time: that concerns only them.
    visitor.on('error', () => {});
    visitor.end(String(process.pid), () => visitor.destroy());
  });
  try {
    await listen(server, pathOf(ownName));
    let neighbour: string | undefined;
    const outcome = await claim({
      ownName,
      names: () => fs.readdir(directory),
      link: (name) => link(join(directory, ownName), join(directory, name)),
      remove: (name) => fs.rm(join(directory, name), { force: true }),
      answers: async (name) => (neighbour = await knock(pathOf(name))) !== undefined,
    }).finally(() => fs.rm(join(directory, ownName), { force: true }));
    if (outcome === 'owner') return server;
    if (outcome === 'taken') throw new DirectoryLockedError(directory, neighbour!);
  } catch (error) {
    server.close();
    throw error;
  }
  server.close();
  return undefined;
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path, exclusive: true }, () => {
      server.off('error', reject);
      // A visitor that could not be let in knows all the same that somebody listens.
      server.on('error', () => {});
      server.unref();
      resolve();
    });
  });
}

async function link(from: string, to: string): Promise<'linked' | 'taken' | 'gone'> {
  try {
    await fs.link(from, to);
    return 'linked';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return 'taken';
    if (code === 'ENOENT') return 'gone';
    throw error;
  }
}

/** Who listens behind a socket: its process as it introduces itself. Undefined when nobody does. */
function knock(path: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    let introduction = '';
    const done = (): void => {
      socket.destroy();
      resolve(introduction === '' ? 'another process' : `process ${introduction}`);
    };
    socket.setEncoding('latin1');
    socket.setTimeout(INTRODUCTION_MS, done);
    socket.on('data', (text: string) => {
      introduction += text;
    });
    socket.on('end', done);
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT' || error.code === 'ENOTSOCK') resolve(undefined);
      // Too many already wait to be let in, or it let go of us: somebody is there.
      else if (error.code === 'EAGAIN' || error.code === 'ECONNRESET' || error.code === 'EPIPE') done();
      else reject(error);
    });
  });
}

/** A path to `name` in the folder that fits a socket's address: folders may have longer paths than sockets. */
function socketPath(directory: string, fd: number, name: string): string {
  const paths = [join(directory, name), join(relative('.', directory), name)];
  if (process.platform === 'linux') paths.push(`/proc/self/fd/${fd}/${name}`);
  const fitting = paths.find((path) => Buffer.byteLength(path) < MAX_SOCKET_PATH);
  if (fitting !== undefined) return fitting;
  throw Object.assign(new Error(`ENAMETOOLONG: no socket can be made in ${directory}`), { code: 'ENAMETOOLONG' });
}
