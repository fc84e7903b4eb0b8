import { Life } from './life.js';
import type { Machine } from './machine.js';
import { GOOD_LINK, type LinkQuality } from './network.js';
import { between, chance, duration, pick, type Range, shuffle } from './random.js';
import type { World } from './world.js';

/**
 * Kinds of trouble:
 * - `kill`, `powerCut`: a process ends, the power of a machine goes; it starts again after a while
 * - `blackout`: the power of all machines goes at once
 * - `trap`: as `kill` or `powerCut`, but at some call of the disk, between any two steps of the program
 * - `pause`: a process stands still
 * - `partition`, `isolate`, `oneWay`: links are cut: in groups, around one machine, single directions
 * - `lossy`, `slowNetwork`: messages get lost and doubled, take long and overtake each other
 * - `slowDisk`, `failSync`, `fullDisk`: syncs take long; one fails; nothing more fits for a while
 * - `clock`: a clock runs fast or slow, and its wall time jumps
 */
export type FaultKind =
  | 'kill'
  | 'powerCut'
  | 'blackout'
  | 'trap'
  | 'pause'
  | 'partition'
  | 'isolate'
  | 'oneWay'
  | 'lossy'
  | 'slowNetwork'
  | 'slowDisk'
  | 'failSync'
  | 'fullDisk'
  | 'clock';

/** A machine that trouble may come to, and who runs there. */
export interface Victim<Address> {
  readonly address: Address;
  readonly machine: Machine;
  /** Its process has just been ended. */
  ended(): void;
  /** Starts a process; called only while none runs. */
  start(): void;
}

export interface FaultOptions<Address> {
  /** Whom trouble comes to more often than to others: who leads, say. Asked before each fault. Default: nobody. */
  readonly favourite?: () => Victim<Address> | undefined;
  /** What may happen; chance leaves some of it out. Default: everything. */
  readonly kinds?: readonly FaultKind[];
  /** True: nothing is left out. */
  readonly all?: boolean;
  /** How long a machine stays down, a link cut, a process still. Default 10 to 3,000 ms. */
  readonly lastsMs?: Range;
  /** The usual time between two faults of one kind lies in here; drawn for each kind. Default 300 to 10,000 ms. */
  readonly everyMs?: Range;
}

const KINDS: readonly FaultKind[] = [
  'kill',
  'powerCut',
  'blackout',
  'trap',
  'pause',
  'partition',
  'isolate',
  'oneWay',
  'lossy',
  'slowNetwork',
  'slowDisk',
  'failSync',
  'fullDisk',
  'clock',
];

const GOOD_SYNC: Range = { min: 0.1, max: 0.5 };

/** Slow, but not troubled: long ways give trouble time to come in between. */
const ORDINARY_DELAYS: readonly Range[] = [GOOD_LINK.delayMs, { min: 0.5, max: 5 }, { min: 2, max: 20 }];
const ORDINARY_SYNCS: readonly Range[] = [GOOD_SYNC, GOOD_SYNC, { min: 0.5, max: 10 }];

/**
 * A schedule of trouble. Which kinds come, and how often, is drawn first: a run without partitions finds what a run
 * with everything at once hides. After {@link stop} the world is whole: what runs in it must recover.
 */
export class Faults<Address, Message> {
  /** What was drawn: each kind that comes, and the usual time between two of it. */
  readonly plan: ReadonlyMap<FaultKind, number>;
  readonly #world: World<Address, Message>;
  readonly #victims: () => readonly Victim<Address>[];
  readonly #favourite: () => Victim<Address> | undefined;
  readonly #lastsMs: Range;
  readonly #life: Life;
  /** How links and disks are when nothing is wrong with them. */
  readonly #ordinary: { readonly link: LinkQuality; readonly syncMs: Range };

  /** @param victims who may suffer now: asked before each fault, since machines come and go */
  constructor(
    world: World<Address, Message>,
    victims: () => readonly Victim<Address>[],
    options: FaultOptions<Address> = {},
  ) {
    const { random } = world;
    const { kinds = KINDS, all = false } = options;
    const everyMs = options.everyMs ?? { min: 300, max: 10_000 };
    this.#world = world;
    this.#victims = victims;
    this.#favourite = options.favourite ?? (() => undefined);
    this.#life = new Life(world.timeline);
    this.#lastsMs = options.lastsMs ?? { min: 10, max: 3_000 };
    this.#ordinary = {
      link: { ...GOOD_LINK, delayMs: pick(random, ORDINARY_DELAYS) },
      syncMs: pick(random, ORDINARY_SYNCS),
    };
    const plan = new Map<FaultKind, number>();
    for (const kind of kinds) {
      const picked = chance(random, 400);
      const usualMs = duration(random, everyMs);
      // All machines down at once, or a disk gone bad, now and then: else little else happens.
      const rare = kind === 'blackout' || kind === 'failSync' || kind === 'fullDisk';
      if (picked || all) plan.set(kind, rare ? usualMs * 3 : usualMs);
    }
    this.plan = plan;
  }

  start(): void {
    this.#world.network.quality = this.#ordinary.link;
    for (const { machine } of this.#victims()) machine.disk.syncMs = this.#ordinary.syncMs;
    for (const [kind, usualMs] of this.plan) this.#next(kind, usualMs);
  }

  /** No more trouble: links are whole, disks good, clocks true, and who is down is started. */
  stop(): void {
    this.#life.end();
    const { network } = this.#world;
    network.heal();
    network.quality = GOOD_LINK;
    this.#world.record('quiet');
    for (const victim of this.#victims()) {
      const { disk } = victim.machine;
      disk.syncMs = GOOD_SYNC;
      disk.capacityBytes = Number.POSITIVE_INFINITY;
      disk.failSyncs(0);
      disk.untrap();
      victim.machine.process?.clock.drift(1);
      if (victim.machine.process === undefined) this.#start(victim);
    }
  }

  /** Lets one fault happen now, on top of the schedule; not after {@link stop}. */
  strike(kind: FaultKind, victim: Victim<Address>): void {
    if (this.#life.alive) this.#strike(kind, victim);
  }

  #next(kind: FaultKind, usualMs: number): void {
    this.#life.after(duration(this.#world.random, { min: usualMs * 0.2, max: usualMs * 1.8 }), () => {
      const victim = this.#choose();
      if (victim !== undefined) this.#strike(kind, victim);
      this.#next(kind, usualMs);
    });
  }

  #choose(): Victim<Address> | undefined {
    const { random } = this.#world;
    const victims = this.#victims();
    const favourite = chance(random, 400) ? this.#favourite() : undefined;
    return favourite ?? (victims.length > 0 ? pick(random, victims) : undefined);
  }

  #strike(kind: FaultKind, victim: Victim<Address>): void {
    const { random, network } = this.#world;
    const victims = this.#victims();
    const { machine } = victim;
    const lastsMs = this.#lasts();
    switch (kind) {
      case 'kill':
      case 'powerCut':
        this.#end(victim, kind, lastsMs);
        break;
      case 'blackout':
        this.#world.record('blackout');
        for (const each of victims) this.#end(each, 'powerCut', this.#lasts());
        break;
      case 'trap': {
        const how = chance(random, 500) ? 'kill' : 'powerCut';
        machine.disk.trap(between(random, 1, 40), () => this.#end(victim, how, lastsMs));
        break;
      }
      case 'pause':
        this.#world.record('pause', machine.name, lastsMs);
        machine.pause(this.#world.nowMs + lastsMs);
        break;
      case 'partition': {
        const order = shuffle(random, victims);
        const split = between(random, 1, Math.max(1, order.length - 1));
        const groups = [order.slice(0, split), order.slice(split)];
        this.#world.record(
          'partition',
          groups.map((group) => group.map((each) => each.machine.name).join()).join(' | '),
        );
        network.partition(...groups.map((group) => group.map(({ address }) => address)));
        this.#later(lastsMs, () => this.#heal());
        break;
      }
      case 'isolate': {
        const others = victims.filter((each) => each !== victim).map(({ address }) => address);
        this.#world.record('isolate', machine.name);
        network.partition([victim.address], others);
        this.#later(lastsMs, () => this.#heal());
        break;
      }
      case 'oneWay': {
        for (let links = between(random, 1, victims.length); links > 0; links--) {
          const [from, to] = [pick(random, victims), pick(random, victims)];
          if (from === to) continue;
          this.#world.record('cut', from.machine.name, to.machine.name);
          network.cut(from.address, to.address);
        }
        this.#later(lastsMs, () => this.#heal());
        break;
      }
      case 'lossy':
      case 'slowNetwork':
        network.quality = this.#badQuality(kind);
        this.#world.record(kind);
        this.#later(lastsMs, () => {
          network.quality = this.#ordinary.link;
        });
        break;
      case 'slowDisk':
        this.#world.record(kind, machine.name);
        machine.disk.syncMs = { min: 1, max: between(random, 10, 1_000) };
        this.#later(lastsMs, () => {
          machine.disk.syncMs = this.#ordinary.syncMs;
        });
        break;
      case 'failSync':
        this.#world.record(kind, machine.name);
        machine.disk.failSyncs(1);
        break;
      case 'fullDisk':
        this.#world.record(kind, machine.name);
        machine.disk.capacityBytes = machine.disk.usedBytes + random.int(500);
        this.#later(lastsMs, () => {
          machine.disk.capacityBytes = Number.POSITIVE_INFINITY;
        });
        break;
      case 'clock':
        this.#world.record(kind, machine.name);
        machine.process?.clock.drift(between(random, 70, 140) / 100);
        machine.process?.clock.jump(between(random, -3_600_000, 3_600_000));
        break;
    }
  }

  #badQuality(kind: 'lossy' | 'slowNetwork'): LinkQuality {
    const { random } = this.#world;
    const lossy = kind === 'lossy';
    return {
      delayMs: lossy ? { min: 0.2, max: 5 } : { min: between(random, 0, 20), max: between(random, 20, 400) },
      slowPerMille: random.int(50),
      lossPerMille: lossy ? between(random, 1, 300) : 0,
      duplicatePerMille: lossy ? random.int(200) : random.int(20),
      ordered: chance(random, 300),
    };
  }

  #heal(): void {
    this.#world.record('heal');
    this.#world.network.heal();
  }

  #end(victim: Victim<Address>, how: 'kill' | 'powerCut', downMs: number): void {
    const { machine } = victim;
    const ran = machine.process !== undefined;
    this.#world.record(how, machine.name);
    if (how === 'kill') machine.kill();
    else machine.powerCut();
    if (!ran) return;
    victim.ended();
    this.#later(downMs, () => {
      if (machine.process === undefined) this.#start(victim);
    });
  }

  #start(victim: Victim<Address>): void {
    this.#world.record('start', victim.machine.name);
    victim.start();
  }

  #lasts(): number {
    const { random } = this.#world;
    // Mostly short, sometimes long, sometimes nothing at all.
    const { min, max } = this.#lastsMs;
    return chance(random, 100) ? 0 : duration(random, { min, max: chance(random, 700) ? min + (max - min) / 5 : max });
  }

  #later(delayMs: number, act: () => void): void {
    this.#life.after(delayMs, act);
  }
}
