import { once } from 'node:events';
import { Agent, createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type LogFields, silentLogger } from '@kontiki/std';
import { afterEach, expect, it } from 'vitest';
import { peerUrls, UrlPicker } from './dial.js';
import { Prober, probeAnswer, timeOf } from './prober.js';
import { testContext } from './testing/context.js';
import { until } from './testing/loopback.js';

let server: Server | undefined;
afterEach(() => {
  server?.close();
  server?.closeAllConnections();
});

interface Probed {
  readonly trips: number[];
  readonly warnings: (LogFields | undefined)[];
  probe(): Promise<void>;
  stop(): void;
}

async function probing(answer: (nowMs: number) => string, status = 200): Promise<Probed> {
  let asked = 0;
  const base = testContext({ readMs: 5000 });
  server = createServer((request, response) => {
    asked++;
    expect(request.url).toBe('/raft/probing');
    response.writeHead(status).end(answer(base.clock.now()));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const trips: number[] = [];
  const warnings: (LogFields | undefined)[] = [];
  const context = {
    ...base,
    logger: { ...silentLogger, warn: (_: string, fields?: LogFields) => void warnings.push(fields) },
  };
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const picker = new UrlPicker(peerUrls([`http://127.0.0.1:${(server.address() as AddressInfo).port}`]));
  const prober = new Prober(
    { peer: 2n, picker, agent, roundTripSeconds: { observe: (seconds) => void trips.push(seconds) } },
    context,
  );
  return {
    trips,
    warnings,
    async probe() {
      const before = asked;
      await base.clock.advance(4000);
      await until(() => asked > before);
      // The answer is heard.
      await new Promise((resolve) => setTimeout(resolve, 20));
    },
    stop() {
      prober.stop();
      agent.destroy();
      expect(base.clock.pending).toBe(0);
    },
  };
}

it('measures round trips', async () => {
  const probed = await probing(probeAnswer);
  for (let i = 0; i < 3; i++) await probed.probe();
  expect(probed.trips.length).toBe(3);
  expect(probed.warnings).toEqual([]);
  probed.stop();
});

it('says that a clock is wrong, now and then', async () => {
  const probed = await probing((nowMs) => probeAnswer(nowMs - 90_000));
  for (let i = 0; i < 9; i++) await probed.probe();
  expect(probed.warnings.length).toBe(2);
  expect(probed.warnings[0]).toMatchObject({ 'remote-peer-id': '2', 'clock-drift': '90.000s' });
  probed.stop();
});

it('measures nothing by an answer that is none', async () => {
  const probed = await probing(() => 'who are you?', 404);
  await probed.probe();
  expect(probed.trips).toEqual([]);
  probed.stop();
});

it.each([
  ['{"OK":true,"Now":"2026-01-02T03:04:05.123456789Z"}\n', Date.UTC(2026, 0, 2, 3, 4, 5, 123)],
  ['{"OK":true,"Now":"2026-01-02T04:04:05+01:00"}', Date.UTC(2026, 0, 2, 3, 4, 5)],
  ['{"OK":false,"Now":"2026-01-02T03:04:05Z"}', undefined],
  ['{"OK":true}', undefined],
  ['null', undefined],
  ['hello', undefined],
])('reads the time of %s', (answer, ms) => {
  expect(timeOf(answer)).toBe(ms);
});
