/**
 * Text scenarios: blocks of commands, each followed by `----` and what the members were in afterwards.
 *
 * | command                       | does                                                                            |
 * |-------------------------------|---------------------------------------------------------------------------------|
 * | `cluster 1 2 3 learners 4`    | starts members; options as `electionTicks=5`, `preVote=off`                       |
 * | `campaign 1`, `tick 1 5`      | stands for election; passes ticks                                               |
 * | `propose 1 a b`, `read 1`     | at a member; reads answer with their index                                      |
 * | `change 1 +4 -2 ~3`           | voter, removal, learner; then `joint` or `explicit`; `change 1 leave`              |
 * | `transfer 1 2`                | asks 1 to make 2 leader                                                         |
 * | `cut 1 2`, `cut 1>2`, `heal`  | separates a group; one wire, one way; mends all                                 |
 * | `lose append heartbeat`       | these messages get lost from now on; without a type: none                       |
 * | `lose append@3`               | the same, of those that carry entry 3                                           |
 * | `crash 1`, `restart 1`        | a crash loses what was not written                                              |
 * | `stall 1`, `resume 1`         | its disk; `write 1 2` lets so many batches of a stalled one land                 |
 * | `unreachable 1 2`             | 1 is told that its messages to 2 get lost                                       |
 * | `gone 1 2`                    | 1 is told that the process of 2 has ended                                       |
 * | `join 4`                      | an empty member, that the others do not know yet                                |
 * | `compact 1 keep`              | saves a snapshot, keeps so many entries behind it                               |
 * | `hold`, `settle`              | nothing moves until told; everything that can does. Else after each command      |
 * | `step 3`                      | while held: so many rounds in which what is in flight is delivered once          |
 * | `trace`, `log 1`, `progress 1`, `members 1` | shows messages from here to the block's end; a log; the leader's view; the configuration |
 */
import type { Random } from '@kontiki/std';
import { RaftError } from '../errors.js';
import type { ChangeStep, MembershipChange } from '../membership/change.js';
import type { Message } from '../message.js';
import type { RaftOptions } from '../options.js';
import { describeConfState, describeEntries, describeMessage, parseId } from './describe.js';
import { allInvariants } from './invariants/all.js';
import { viewOf } from './member.js';
import { Network } from './network.js';

const RULE = '----';
/** Everybody's election timeout is exactly `electionTicks`; a crash loses everything unwritten. */
const UNRANDOM: Random = { int: () => 0, bits64: () => 0n };

/** The same text with the answers that the commands give now; each step is checked against every invariant. */
export function runScenario(text: string): string {
  const run = new Run();
  const blocks = text.trimEnd().split(/\n\n+/);
  return `${blocks
    .map((block) => {
      const lines = block.split('\n');
      const rule = lines.indexOf(RULE);
      const input = rule < 0 ? lines : lines.slice(0, rule);
      const commands = input.filter((line) => !line.startsWith('#'));
      if (commands.length === 0) return block;
      return [...input, RULE, ...run.block(commands)].join('\n');
    })
    .join('\n\n')}\n`;
}

class Run {
  #network: Network | undefined;
  #invariants = allInvariants();
  #held = false;
  #tracing = false;
  #output: string[] = [];
  #questions = 0;

  /** The answer to one block. */
  block(lines: readonly string[]): readonly string[] {
    this.#output = [];
    this.#tracing = false;
    for (const command of lines.flatMap((line) => line.split('|'))) {
      const [name, ...args] = command.trim().split(/\s+/);
      this.#command(name ?? '', args);
      if (!this.#held) this.#settle();
      const views = this.#cluster.running.map(viewOf);
      for (const invariant of this.#invariants) invariant.check(views);
    }
    return [...this.#output, ...this.#states()];
  }

  get #cluster(): Network {
    if (this.#network === undefined) throw new SyntaxError('a scenario starts with `cluster`');
    return this.#network;
  }

  #settle(): void {
    this.#cluster.settle();
    for (const { id, reads } of this.#cluster.running) {
      for (const { index } of reads.splice(0)) this.#output.push(`read at ${id}: index ${index}`);
    }
  }

  #command(name: string, args: readonly string[]): void {
    if (name === 'cluster') {
      this.#start(args);
      return;
    }
    const network = this.#cluster;
    const [first, ...rest] = args;
    switch (name) {
      case 'hold':
        this.#held = true;
        return;
      case 'settle':
        this.#held = false;
        return;
      case 'step':
        for (let i = 0; i < Number(first ?? 1); i++) network.round();
        return;
      case 'trace':
        this.#tracing = true;
        return;
      case 'heal':
        network.heal();
        return;
      case 'lose':
        network.loses = (message) => args.some((arg) => isMeant(message, arg));
        return;
      case 'cut':
        if (first?.includes('>') === true) {
          for (const wire of args) network.cutWire(parseId(wire.split('>')[0]), parseId(wire.split('>')[1]));
        } else {
          network.isolate(...args.map(parseId));
        }
        return;
      case 'crash':
        for (const id of args) network.member(parseId(id)).crash();
        return;
      case 'restart':
        for (const id of args) network.member(parseId(id)).restart();
        return;
      case 'stall':
        network.stallDisk(parseId(first));
        return;
      case 'resume':
        network.resumeDisk(parseId(first));
        return;
      case 'write':
        for (let i = 0; i < Number(rest[0] ?? 1); i++) network.member(parseId(first)).write();
        return;
      case 'join':
        network.add(parseId(first));
        return;
    }
    this.#atMember(name, first, rest);
  }

  #atMember(name: string, id: string | undefined, args: readonly string[]): void {
    const member = this.#cluster.member(parseId(id));
    const { node } = member;
    switch (name) {
      case 'campaign':
        node.campaign();
        break;
      case 'tick':
        for (let i = 0; i < Number(args[0] ?? 1); i++) {
          node.tick();
          if (!this.#held) this.#settle();
        }
        break;
      case 'propose': {
        const { accepted, refused } = node.propose(args.map((text) => new TextEncoder().encode(text)));
        if (accepted < args.length) this.#output.push(`${id} took ${accepted} of ${args.length}: ${refused}`);
        break;
      }
      case 'read':
        if (!node.readIndex(Uint8Array.of(++this.#questions))) this.#output.push(`${id} can ask nobody`);
        break;
      case 'transfer':
        node.transferLeadership(parseId(args[0]));
        break;
      case 'gone':
        node.reportGone(parseId(args[0]));
        break;
      case 'unreachable':
        node.reportUnreachable(parseId(args[0]));
        break;
      case 'change':
        this.#change(member.node, args);
        break;
      case 'compact':
        member.compact(Number(args[0] ?? 0));
        break;
      case 'log': {
        const { first, last } = node.status();
        this.#output.push(`log of ${id}: ${describeEntries(node.entries(first, last + 1))}`);
        break;
      }
      case 'members':
        this.#output.push(`members for ${id}: ${describeConfState(node.confState)}`);
        break;
      case 'progress':
        for (const { id: follower, match, next, state, active, learner } of node.status().followers) {
          this.#output.push(
            `${id} sees ${follower}: ${state} match=${match} next=${next}${learner ? ' learner' : ''}${active ? '' : ' silent'}`,
          );
        }
        break;
      default:
        throw new SyntaxError(`unknown command ${name}`);
    }
    member.pump();
  }

  #change(node: { proposeChange(change: MembershipChange): unknown }, args: readonly string[]): void {
    const steps = args.flatMap((arg): ChangeStep[] => {
      const action = ({ '+': 'addVoter', '-': 'remove', '~': 'addLearner' } as const)[arg[0] as '+'];
      return action === undefined ? [] : [{ action, node: parseId(arg.slice(1)) }];
    });
    const transition = args.includes('explicit') ? 'jointExplicit' : args.includes('joint') ? 'jointImplicit' : 'auto';
    try {
      node.proposeChange({ kind: 'changeV2', transition, steps, context: new Uint8Array(0) });
    } catch (error) {
      if (!(error instanceof RaftError)) throw error;
      this.#output.push(`${error.code}: ${error.message}`);
    }
  }

  #start(args: readonly string[]): void {
    const options: Record<string, number | boolean> = { electionTicks: 10 };
    const ids: { voters: bigint[]; learners: bigint[] } = { voters: [], learners: [] };
    let kind: 'voters' | 'learners' = 'voters';
    for (const arg of args) {
      const [key, value] = arg.split('=');
      if (value !== undefined) options[key!] = value === 'on' || value === 'off' ? value === 'on' : Number(value);
      else if (arg === 'learners') kind = 'learners';
      else ids[kind].push(parseId(arg));
    }
    this.#invariants = allInvariants();
    this.#network = new Network({ confState: ids, random: UNRANDOM, raft: options as Partial<RaftOptions> });
    this.#network.onDeliver = (message: Message) => {
      if (this.#tracing) this.#output.push(describeMessage(message));
    };
  }

  #states(): readonly string[] {
    return [...this.#cluster.members.values()].map(({ id, up, node, applied }) => {
      if (!up) return `${id}: down`;
      const { role, term, last, commit } = node.status();
      return `${id}: ${role.padEnd(8)} term=${term} last=${last} committed=${commit}${applied === commit ? '' : ` applied=${applied}`}`;
    });
  }
}

/** `append`: of this type; `append@3`: and with entry 3. */
function isMeant(message: Message, arg: string): boolean {
  const [type, index] = arg.split('@');
  if (message.type !== type) return false;
  return (
    index === undefined || (message.type === 'append' && message.entries.some((entry) => entry.index === Number(index)))
  );
}
