import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Latencies, type LoadResult, parseLog, parseSummary } from '../h2load-output.js';

export interface Load {
  readonly url: string;
  /** The request body, framed. */
  readonly body: Uint8Array;
  readonly requests: number;
  readonly connections: number;
  readonly streams: number;
}

/** Its version. @throws Error saying how to get it */
export function h2loadVersion(): string {
  const probe = spawnSync('h2load', ['--version'], { encoding: 'utf8' });
  if (probe.status !== 0)
    throw new Error('there is no h2load: install nghttp2-client (apt-get install nghttp2-client)');
  return probe.stdout.trim().replace(/^h2load /, '');
}

/** Sends so many requests, as fast as they are answered. */
export async function runLoad(load: Load): Promise<LoadResult & Latencies> {
  const folder = mkdtempSync(join(tmpdir(), 'kontiki-h2load-'));
  const [bodyFile, logFile] = [join(folder, 'body'), join(folder, 'log')];
  try {
    writeFileSync(bodyFile, load.body);
    const text = await output('h2load', [
      `--requests=${load.requests}`,
      `--clients=${load.connections}`,
      `--max-concurrent-streams=${load.streams}`,
      `--data=${bodyFile}`,
      '--header=content-type: application/grpc',
      '--header=te: trailers',
      `--log-file=${logFile}`,
      load.url,
    ]);
    return { ...parseSummary(text), ...parseLog(readFileSync(logFile, 'utf8')) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function output(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
    });
    child.stderr.on('data', (chunk) => {
      text += chunk;
    });
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve(text) : reject(new Error(`${command} ended with ${code}:\n${text}`)),
    );
  });
}
