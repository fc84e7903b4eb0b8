import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LoggingOptions } from '../config/options.js';
import { openLogger } from './logger.js';
import { WallTime } from './wall-time.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kontiki-log-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const time = (): WallTime =>
  new WallTime(
    () => Date.UTC(2026, 10, 24),
    () => 0,
  );

function options(over: Partial<LoggingOptions> = {}): LoggingOptions {
  const outputs = [{ kind: 'file', path: join(directory, 'a.log') }] as const;
  return { level: 'info', format: 'json', outputs, rotation: undefined, ...over };
}

const read = (name: string): string => readFileSync(join(directory, name), 'utf8');

describe('the log', () => {
  it('has the shape of zap lines', async () => {
    const logger = openLogger(options(), time());
    logger.named('storage/bootstrap').info('opened', { 'local-member-id': 0xan, took: '1ms' });
    logger.warn('two\nlines', { error: new Error('why') });
    await logger.close();
    expect(read('a.log')).toBe(
      '{"level":"info","ts":"2026-11-24T00:00:00.000000Z","caller":"storage/bootstrap","msg":"opened","local-member-id":"a","took":"1ms"}\n' +
        '{"level":"warn","ts":"2026-11-24T00:00:00.000000Z","caller":"server","msg":"two\\nlines","error":"why"}\n',
    );
  });

  it('can be columns, and a text never starts a line', async () => {
    const logger = openLogger(options({ format: 'console' }), time());
    logger.info('plain');
    logger.error('two\nlines', { a: 1 });
    await logger.close();
    expect(read('a.log')).toBe(
      '2026-11-24T00:00:00.000000Z\tinfo\tserver\tplain\n' +
        '2026-11-24T00:00:00.000000Z\terror\tserver\ttwo\\nlines\t{"a":1}\n',
    );
  });

  it.each([
    ['debug', ['debug', 'info', 'warn', 'error', 'fatal']],
    ['info', ['info', 'warn', 'error', 'fatal']],
    ['warn', ['warn', 'error', 'fatal']],
    ['error', ['error', 'fatal']],
    ['panic', ['fatal']],
    ['fatal', ['fatal']],
  ] as const)('at level %s writes %j', async (level, expected) => {
    const logger = openLogger(options({ level }));
    for (const each of ['debug', 'info', 'warn', 'error', 'fatal'] as const) logger[each]('x');
    await logger.close();
    const levels = read('a.log')
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { level: string }).level);
    // What `fatal` writes at once may overtake what is on its way.
    expect([...levels].sort()).toEqual([...expected].sort());
  });

  it('goes to several places at once', async () => {
    const outputs = ['a.log', 'b.log'].map((name) => ({ kind: 'file', path: join(directory, name) }) as const);
    const logger = openLogger(options({ outputs }));
    logger.info('both');
    await logger.close();
    expect(read('a.log')).toBe(read('b.log'));
    expect(read('a.log')).toContain('"msg":"both"');
  });

  it('survives a full disk', async () => {
    const logger = openLogger(options({ outputs: [{ kind: 'file', path: '/dev/full' }] }));
    logger.info('nowhere');
    logger.fatal('nowhere either');
    await logger.close();
  });

  it('says which output cannot be opened', () => {
    const outputs = [{ kind: 'file', path: join(directory, 'none', 'a.log') }] as const;
    expect(() => openLogger(options({ outputs }))).toThrow(/^cannot open log output ".*none\/a\.log": ENOENT/);
  });

  it('rotates by itself', async () => {
    const rotation = { maxMegabytes: 1, maxAgeDays: 0, maxBackups: 1, localTime: true, compress: false };
    const logger = openLogger(options({ rotation }));
    for (let i = 0; i < 40; i++) logger.info('x'.repeat(100_000));
    await logger.close();
    expect(read('a.log').length).toBeLessThan(1024 * 1024);
  });
});
