#!/usr/bin/env node
import { lookup } from 'node:dns/promises';
import { existsSync, readFileSync } from 'node:fs';
import { checkBootstrap } from './config/bootstrap.js';
import { parseCommandLine } from './config/parse.js';
import { MemberRemovedError } from './member.js';
import { openLogger, type ServerLogger } from './observe/logger.js';
import { Server } from './server.js';

/** A mistake in how the program was called, as other well-behaved tools have it. */
const EXIT_USAGE = 2;
const EXIT_FAILED = 1;

async function main(): Promise<void> {
  const parsed = parseCommandLine(process.argv.slice(2), process.env, (path) => readFileSync(path, 'utf8'));
  if (parsed.kind === 'print') {
    process.stdout.write(parsed.text);
    return;
  }
  if (parsed.kind === 'fail') return refuse(parsed.message);
  // A member that has data knows its cluster: only a new one needs the flags that describe it to be right.
  const { dataDirectory, walDirectory = `${dataDirectory}/member/wal` } = parsed.options.member;
  const problem = existsSync(walDirectory) ? undefined : await checkBootstrap(parsed.options, lookup);
  if (problem !== undefined) return refuse(problem);

  let logger: ServerLogger;
  try {
    logger = openLogger(parsed.options.logging);
  } catch (error) {
    return refuse((error as Error).message);
  }
  for (const warning of parsed.warnings) logger.named('config').warn(warning.message, warning.fields);
  const die = (message: string, error: unknown): never => {
    logger.fatal(message, { error: reasonsOf(error) });
    logger.flushSync();
    process.exit(EXIT_FAILED);
  };

  try {
    const server = await Server.start(parsed.options, logger);
    server.failed.catch((error: unknown) => {
      if (error instanceof MemberRemovedError) void retire(server, logger, error);
      else die('the member has stopped', error);
    });
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => {
        void shutDown(server, logger, signal);
      });
    }
  } catch (error) {
    if (error instanceof MemberRemovedError) await retire(undefined, logger, error);
    else die('cannot start', error);
  }
}

/** Nothing went wrong: whoever keeps this process running need not start it again. */
async function retire(server: Server | undefined, logger: ServerLogger, error: MemberRemovedError): Promise<never> {
  logger.named('main').warn(error.message, { 'data-dir': 'is kept; this member cannot use it any more' });
  await server?.stop();
  await logger.close();
  process.exit(0);
}

/** Stops in order, then lets the signal end the process, so that whoever sent it sees what it did. */
async function shutDown(server: Server, logger: ServerLogger, signal: 'SIGTERM' | 'SIGINT'): Promise<void> {
  logger.named('main').info('received signal; shutting down', { signal });
  try {
    await server.stop();
  } catch (error) {
    logger.error('stopping failed', { error: String(error) });
  }
  await logger.close();
  // `once` has removed our handler: the default one ends the process.
  process.kill(process.pid, signal);
}

/** What went wrong, and what caused that. */
function reasonsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${reasonsOf(error.cause)}`;
}

function refuse(message: string): void {
  process.stderr.write(`kontikid: ${message}\n`);
  process.exitCode = EXIT_USAGE;
}

await main();
