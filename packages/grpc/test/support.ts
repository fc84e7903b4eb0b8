import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { systemClock } from '@kontiki/std/node';
import { GrpcServer, type GrpcServerOptions, type Method, StatusCode } from '../src/index.js';

/** A server on a free port of the loopback. */
export interface Serving {
  readonly server: GrpcServer;
  readonly port: number;
  /** The server's ends of all connections so far. */
  readonly sockets: readonly Socket[];
  close(): Promise<void>;
}

export async function serve(
  methods: Readonly<Record<string, Method>>,
  options: Partial<GrpcServerOptions> = {},
): Promise<Serving> {
  const server = new GrpcServer({
    clock: systemClock,
    unknownPath: (path) => ({ code: StatusCode.Unimplemented, details: `nobody serves ${path}` }),
    methods: new Map(Object.entries(methods)),
    ...options,
  });
  const sockets: Socket[] = [];
  const listener: Server = createServer((socket) => {
    sockets.push(socket);
    server.accept(socket);
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  return {
    server,
    sockets,
    port: (listener.address() as AddressInfo).port,
    close: async () => {
      listener.close();
      await server.drain(0);
    },
  };
}

export function unary(handle: (call: Parameters<(Method & { kind: 'unary' })['handle']>[0]) => void): Method {
  return { kind: 'unary', handle };
}

export function stream(open: (call: Parameters<(Method & { kind: 'stream' })['open']>[0]) => void): Method {
  return { kind: 'stream', open };
}
