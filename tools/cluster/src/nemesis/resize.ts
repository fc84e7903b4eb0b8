import { sleep } from '../cluster.js';
import { type Nemesis, type NemesisContext, pick } from './context.js';

/** The cluster grows and shrinks one member at a time while everybody writes, as learners and as voters. */
export const resize: Nemesis = {
  name: 'resize',
  description: 'grow from 1 to 3 to --members and shrink to 1 under constant load; --rounds times',
  size: () => 1,
  flags: () => ['--snapshot-count=500'],
  async run(context, { members, rounds }) {
    const { cluster } = context;
    let changes = 0;
    for (let round = 1; round <= rounds; round++) {
      const sizes = [3, members, 3, 1].filter((size, i, all) => size <= members && size !== all[i - 1]);
      for (const size of sizes) {
        context.load.start();
        await sleep(300);
        for (; cluster.members.length < size; changes++) await grow(context);
        for (; cluster.members.length > size; changes++) await shrink(context);
        await sleep(500);
        const { revision } = await context.check();
        context.say(`round ${round}: ${size} members, revision ${revision}`);
      }
    }
    return [`${changes} members came or went`];
  },
};

async function grow({ cluster, load, random, say }: NemesisContext): Promise<void> {
  const via = pick(random, cluster.members);
  const learner = random.int(2) === 0;
  const member = await cluster.add(via, { learner });
  if (learner) {
    await cluster.promote(await cluster.waitForLeader(), member);
  }
  await member.process.ready();
  load.watch(member);
  say(`added ${member.name}${learner ? ' as a learner, then promoted it' : ''}`);
}

async function shrink({ cluster, load, random, say }: NemesisContext): Promise<void> {
  const leader = await cluster.waitForLeader();
  // The leader too must be able to go.
  const leaving = random.int(2) === 0 ? leader : pick(random, cluster.members);
  const via = pick(
    random,
    cluster.members.filter((member) => member !== leaving),
  );
  await load.unwatch(leaving);
  // One that will not come back is replaced this way; of two, the other could not decide alone.
  const dead = cluster.members.length > 2 && random.int(3) === 0;
  if (dead) await leaving.kill();
  await cluster.remove(via, leaving);
  await cluster.waitForLeader();
  say(`removed ${leaving.name}${leaving === leader ? ', the leader' : ''}${dead ? ', dead before' : ''}`);
}
