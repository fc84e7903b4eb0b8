import { sleep } from '../cluster.js';
import { median, milliseconds, type Nemesis } from './context.js';

const ELECTION_TIMEOUT_MS = 1_000;
/** A new leader must have been found by then, many times over. */
const PATIENCE_MS = 30_000;
const ROUNDS_PER_CHECK = 10;

/** The leader is killed (SIGKILL), again and again; a new one must take over, and nothing may be lost. */
export const leaderKills: Nemesis = {
  name: 'leader-kills',
  description: 'SIGKILL the leader, measure the time to the next acknowledged write, start it again; --rounds times',
  size: ({ members }) => members,
  flags: () => ['--heartbeat-interval=100', `--election-timeout=${ELECTION_TIMEOUT_MS}`],
  async run({ cluster, load, random, say, check }, { rounds }) {
    const times: number[] = [];
    for (let round = 1; round <= rounds; round++) {
      load.start();
      for (;;) {
        await sleep(300 + random.int(700));
        const leader = await cluster.waitForLeader();
        await leader.kill();
        const took = await load.timeToWrite(`k${round}`, PATIENCE_MS);
        if (took === undefined)
          throw new Error(`no write succeeded within ${PATIENCE_MS} ms after ${leader.name} was killed`);
        times.push(took);
        await sleep(random.int(500));
        cluster.restart(leader);
        await leader.process.ready();
        if (round % ROUNDS_PER_CHECK === 0 || round === rounds) break;
        round += 1;
      }
      const { revision } = await check();
      say(
        `round ${round}: ${cluster.members.length} members, revision ${revision}, ` +
          `last failover ${milliseconds(times.at(-1)!)}, median ${milliseconds(median(times))}`,
      );
    }
    return [
      `${times.length} leaders killed; from the kill to the next acknowledged write: median ${milliseconds(median(times))}, ` +
        `maximum ${milliseconds(Math.max(...times))} (election timeout ${milliseconds(ELECTION_TIMEOUT_MS)} to twice that)`,
    ];
  },
};
