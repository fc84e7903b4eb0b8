import { readFileSync } from 'node:fs';
import * as net from 'node:net';
import { type Client, credentials, Client as GrpcClient } from '@grpc/grpc-js';
import * as stdNode from '@kontiki/std/node';
import ts from 'typescript';
import { expect, it } from 'vitest';
import * as grpc from '../src/index.js';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const same = (bytes: Buffer): Buffer => bytes;

it('quick start runs as it is printed, and an ordinary client calls it', async () => {
  const printed = /```ts\n([\s\S]*?)```/.exec(readme)?.[1];
  expect(printed).toBeDefined();
  // Types off, and what is imported handed in: nothing else of it is changed.
  const { outputText } = ts.transpileModule(printed!, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  });
  const body = outputText.replace(/^import (\{.*\}) from '(.*)';$/gm, "const $1 = modules['$2'];");
  const AsyncFunction = (async () => {}).constructor as new (
    ...code: string[]
  ) => (...values: unknown[]) => Promise<{ server: grpc.GrpcServer; listener: net.Server }>;
  const run = new AsyncFunction('modules', `${body}\nreturn { server, listener };`);
  const { server, listener } = await run({ 'node:net': net, '@kontiki/grpc': grpc, '@kontiki/std/node': stdNode });
  const { port } = listener.address() as net.AddressInfo;
  const client: Client = new GrpcClient(`127.0.0.1:${port}`, credentials.createInsecure());
  const answer = await new Promise((resolve, reject) =>
    client.makeUnaryRequest('/demo.Echo/Once', same, same, Buffer.from('hello'), (error, value) =>
      error === null ? resolve(String(value)) : reject(error),
    ),
  );
  expect(answer).toBe('hello');
  const chat = client.makeBidiStreamRequest('/demo.Echo/Each', same, same);
  const got: string[] = [];
  chat.on('data', (message: Buffer) => got.push(message.toString()));
  for (const text of ['a', 'b']) chat.write(Buffer.from(text));
  chat.end();
  await new Promise((resolve) => chat.on('status', resolve));
  expect(got).toEqual(['a', 'b']);
  client.close();
  listener.close();
  await server.drain(1000);
});

it('names every error code, and only limits that exist', () => {
  const codes: Record<grpc.GrpcServerErrorCode, true> = { GRPC_BAD_OPTION: true, GRPC_MISUSED: true };
  const documented = [...readme.matchAll(/^- `(GRPC_\w+)`:/gm)].map(([, code]) => code);
  expect(documented.sort()).toEqual(Object.keys(codes).sort());
  const table = /## Limits\n([\s\S]*?)What it does not do/.exec(readme)![1]!;
  const named = [...table.matchAll(/`([a-z][A-Za-z]+)`/g)].map(([, name]) => name!);
  expect(named.length).toBeGreaterThan(20);
  for (const name of named) expect(Object.keys(grpc.DEFAULT_LIMITS)).toContain(name);
});
