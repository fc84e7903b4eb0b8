/**
 * Small unary calls a second, with `h2load` (of nghttp2) as the client on the same machine.
 *
 *     tsx --conditions=@kontiki/source packages/grpc/bench/unary.ts [seconds] [connections] [streams]
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@kontiki/std/node';
import { GrpcServer, StatusCode } from '../src/index.js';

const [seconds = '4', connections = '100', streams = '10'] = process.argv.slice(2);
const PATH = '/bench.Echo/Call';

let calls = 0;
const server = new GrpcServer({
  clock: systemClock,
  unknownPath: (path) => ({ code: StatusCode.Unimplemented, details: `nobody serves ${path}` }),
  methods: new Map([
    [
      PATH,
      {
        kind: 'unary',
        handle(call): void {
          calls++;
          call.respond(call.message);
        },
      },
    ],
  ]),
});
const listener = createServer((socket) => server.accept(socket));
listener.listen(0, '127.0.0.1', () => {
  const { port } = listener.address() as AddressInfo;
  const folder = mkdtempSync(join(tmpdir(), 'grpc-bench-'));
  const body = join(folder, 'request');
  // 32 bytes of message.
  writeFileSync(body, Buffer.concat([Buffer.from([0, 0, 0, 0, 32]), Buffer.alloc(32, 0x61)]));
  const cpuBefore = process.cpuUsage();
  const load = spawn(
    'h2load',
    [`-D${seconds}`, `-c${connections}`, `-m${streams}`, '-t1', '--warm-up-time=1', '-d', body]
      .concat(['-H', 'content-type: application/grpc', '-H', 'te: trailers', '-H', ':method: POST'])
      .concat(`http://127.0.0.1:${port}${PATH}`),
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let report = '';
  load.stdout.on('data', (chunk: Buffer) => {
    report += chunk.toString();
  });
  load.on('close', () => {
    const cpu = process.cpuUsage(cpuBefore);
    console.log(
      report
        .split('\n')
        .filter((line) => /finished|requests:|status codes|request {2}|traffic/.test(line))
        .join('\n'),
    );
    console.log(`${calls} calls, ${((cpu.user + cpu.system) / calls).toFixed(2)} µs of CPU each`);
    rmSync(folder, { recursive: true, force: true });
    listener.close();
    void server.drain(0);
  });
});
