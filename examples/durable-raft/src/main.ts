import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryHub } from '@kontiki/raft/testing';
import { Member } from './member.js';

const IDS = [1n, 2n, 3n];

/** Three members, each in a folder of its own inside `folder`. */
class Group {
  readonly #folder: string;
  readonly #hub = new MemoryHub();
  readonly #members = new Map<bigint, Member>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  get members(): readonly Member[] {
    return [...this.#members.values()];
  }

  async start(...ids: readonly bigint[]): Promise<void> {
    for (const id of ids) {
      this.#members.set(id, await Member.start(id, join(this.#folder, `member-${id}`), this.#hub, IDS));
    }
  }

  async stop(...ids: readonly bigint[]): Promise<void> {
    for (const id of ids) await this.#members.get(id)!.stop();
    for (const id of ids) this.#members.delete(id);
  }
}

/** One of them is away for long; then all of them start anew. */
export async function run(folder: string, say: (line: string) => void): Promise<void> {
  const group = new Group(folder);
  await group.start(...IDS);
  const [first, , third] = group.members as [Member, Member, Member];
  say(`found ${(await first.read()).size} words`);
  await third.add('hello');
  await group.stop(3n);
  for (let i = 0; i < 200; i++) await first.add(`word ${i}`);
  say(`without the third: ${(await first.read()).size} words`);

  await group.start(3n);
  const back = group.members[2]!;
  say(`the third is back: ${(await back.read()).size} words, ${back.restored} snapshot`);
  await group.stop(...IDS);
  await group.start(...IDS);
  const sizes = await Promise.all(group.members.map(async (member) => (await member.read()).size));
  say(`all of them started again: ${sizes.join(', ')} words`);
  await group.stop(...IDS);
}

/** Adds one word after the other until the process is killed. */
export async function runForever(folder: string, say: (line: string) => void): Promise<never> {
  const group = new Group(folder);
  await group.start(...IDS);
  const [first] = group.members as [Member];
  const { size } = await first.read();
  say(`found ${size}`);
  for (let i = size + 1; ; i++) {
    await first.add(`word ${i}`);
    say(`acknowledged ${i}`);
  }
}

if (process.argv[1] === import.meta.filename) {
  const [, , folder] = process.argv;
  // A member alone does not keep a process alive.
  const awake = setInterval(() => {}, 60_000);
  if (folder !== undefined) await runForever(folder, console.log);
  const temporary = await mkdtemp(join(tmpdir(), 'durable-raft-'));
  await run(temporary, console.log);
  await rm(temporary, { recursive: true });
  clearInterval(awake);
}
