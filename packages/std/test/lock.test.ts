import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DirectoryLockedError } from '../src/index.js';
import { nodeFileSystem } from '../src/node.js';

let directory: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kontiki-lock-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  rmSync(directory, { recursive: true });
});

function run(script: string, ...args: string[]): ChildProcess {
  const path = fileURLToPath(new URL(`fixtures/${script}`, import.meta.url));
  const child = spawn(process.execPath, ['--conditions=@kontiki/source', '--import=tsx', path, directory, ...args], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  return child;
}

/** Another process that tries to lock the folder, and what it said. */
async function holder(): Promise<{ child: ChildProcess; said: string }> {
  const child = run('lock-holder.ts');
  const [said] = await once(child.stdout!, 'data');
  return { child, said: String(said).trim() };
}

async function refusal(promise: Promise<unknown>): Promise<DirectoryLockedError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DirectoryLockedError);
  return error as DirectoryLockedError;
}

describe('lock', () => {
  it('refuses a second owner in the same process, until the first lets go', async () => {
    const first = await nodeFileSystem.lock(directory);
    const { message, holder } = await refusal(nodeFileSystem.lock(directory));
    expect(holder).toBe(`process ${process.pid}`);
    expect(message).toContain(directory);
    await first.release();
    const second = await nodeFileSystem.lock(directory);
    await first.release();
    await refusal(nodeFileSystem.lock(directory));
    await second.release();
  });

  it('has one owner among many who ask at once, and in the end one name is left', async () => {
    for (let round = 0; round < 5; round++) {
      const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => nodeFileSystem.lock(directory)));
      const owners = outcomes.filter((outcome) => outcome.status === 'fulfilled');
      expect(owners).toHaveLength(1);
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(DirectoryLockedError);
      }
      await owners[0]!.value.release();
    }
    const quiet = await nodeFileSystem.lock(directory);
    expect(readdirSync(directory)).toEqual([expect.stringMatching(/^LOCK\.[0-9]+$/)]);
    await quiet.release();
  });

  it('is refused while another process has it, named; a killed one leaves it free at once', async () => {
    const { child, said } = await holder();
    expect(said).toBe('held');
    expect((await refusal(nodeFileSystem.lock(directory))).holder).toBe(`process ${child.pid}`);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const lock = await nodeFileSystem.lock(directory);
    expect((await holder()).said).toBe(`refused: process ${process.pid}`);
    await lock.release();
  });

  it('is kept by a process that stands still, which cannot say who it is', async () => {
    const { child } = await holder();
    child.kill('SIGSTOP');
    expect((await refusal(nodeFileSystem.lock(directory))).holder).toBe('another process');
    child.kill('SIGCONT');
  });

  it('does not keep its process alive', async () => {
    const { child, said } = await holder();
    expect(said).toBe('held');
    child.stdin!.end();
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('takes what is no socket, or a socket nobody listens on, for stale', async () => {
    writeFileSync(join(directory, 'LOCK.1'), '4711');
    writeFileSync(join(directory, 'LOCK.0123456789ab.new'), '');
    const lock = await nodeFileSystem.lock(directory);
    expect(readdirSync(directory)).toEqual(['LOCK.2']);
    await lock.release();
    const unlucky = createServer().listen(join(directory, 'LOCK.3'));
    await once(unlucky, 'listening');
    expect((await refusal(nodeFileSystem.lock(directory))).holder).toBe('another process');
    unlucky.close();
  });

  it('works where the path is longer than a socket address may be', async () => {
    const deep = join(directory, 'x'.repeat(200), 'y'.repeat(200));
    mkdirSync(deep, { recursive: true });
    const lock = await nodeFileSystem.lock(deep);
    expect((await refusal(nodeFileSystem.lock(deep))).holder).toBe(`process ${process.pid}`);
    await lock.release();
    await (await nodeFileSystem.lock(deep)).release();
  });

  it("is the folder's, whatever path leads there", async () => {
    const alias = join(directory, 'alias');
    const real = join(directory, 'real');
    mkdirSync(real);
    symlinkSync(real, alias);
    const lock = await nodeFileSystem.lock(real);
    await refusal(nodeFileSystem.lock(alias));
    await lock.release();
  });

  it('fails as the disk does where there is no folder', async () => {
    await expect(nodeFileSystem.lock(join(directory, 'nowhere'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  // The fixture asks /proc who lives.
  it.runIf(process.platform === 'linux')('never has two owners among processes that race, let go and die', async () => {
    const racers = [
      run('lock-racer.ts', '20', 'exit'),
      run('lock-racer.ts', '5', 'die'),
      run('lock-racer.ts', '10', 'die'),
    ];
    const said = racers.map(async (child) => {
      let text = '';
      child.stdout!.on('data', (chunk) => (text += chunk));
      const [code, signal] = await once(child, 'close');
      return [text.trim(), code ?? signal];
    });
    expect(await Promise.all(said)).toEqual([
      ['together 0', 0],
      ['together 0', 'SIGKILL'],
      ['together 0', 'SIGKILL'],
    ]);
    await (await nodeFileSystem.lock(directory)).release();
  });
});
