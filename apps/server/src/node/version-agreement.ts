import type { Clock, Logger, Timer } from '@kontiki/std';
import { hexId } from '../cluster/member-id.js';

/** Before all members could be asked: what every member of any version understands. */
export const MIN_CLUSTER_VERSION = '3.0.0';

const EVERY_MS = 4000;

export interface VersionAgreementPorts {
  readonly clock: Clock;
  readonly logger: Logger;
  /** All members, this one and those without a vote included. */
  members(): readonly { readonly id: bigint }[];
  /** The version of the member's program, as `/version` says it. Must settle; rejects when it cannot be asked. */
  versionOf(id: bigint): Promise<string>;
  /** What is agreed on; undefined: nothing yet. */
  current(): string | undefined;
  /** Proposes a version; rejects when it failed. */
  set(version: string): Promise<unknown>;
}

/**
 * The version a cluster should agree on next; undefined: it is right as it is.
 *
 * It is major.minor.0 of the lowest member once all are known, and never falls: a member that came back with an older
 * program does not take away what the others already do. Nor does it go from one major version to another.
 *
 * @param current what is agreed on; undefined: nothing yet
 * @param members the program of each member; undefined: it could not be asked, or gave no version
 */
export function decideVersion(
  current: string | undefined,
  members: readonly (string | undefined)[],
): string | undefined {
  const known = members.map((version) => (version === undefined ? undefined : parseVersion(version)));
  const lowest = known.includes(undefined) ? undefined : (known as Version[]).sort(compare)[0];
  const agreed = current === undefined ? undefined : parseVersion(current);
  if (agreed === undefined) return lowest === undefined ? MIN_CLUSTER_VERSION : textOf(lowest);
  if (lowest === undefined || lowest.major !== agreed.major || lowest.minor <= agreed.minor) return undefined;
  return textOf(lowest);
}

interface Version {
  readonly major: number;
  readonly minor: number;
}

function parseVersion(text: string): Version | undefined {
  const match = /^(\d{1,9})\.(\d{1,9})\.\d+(?:[-+].*)?$/.exec(text);
  return match === null ? undefined : { major: Number(match[1]), minor: Number(match[2]) };
}

function compare(a: Version, b: Version): number {
  return a.major - b.major || a.minor - b.minor;
}

function textOf({ major, minor }: Version): string {
  return `${major}.${minor}.0`;
}

/**
 * Brings the members to agree on a version, on the leader: at once when it starts, then every 4 s. A round begins when
 * the one before is over.
 */
export class VersionAgreement {
  readonly #ports: VersionAgreementPorts;
  #timer: Timer | undefined;
  /** Rises with every start and stop: a round of an earlier one decides nothing any more. */
  #turn = 0;
  #asking = false;
  /** Members that could not be asked in the last round: their silence is news once. */
  #silent: ReadonlySet<bigint> = new Set();

  constructor(ports: VersionAgreementPorts) {
    this.#ports = ports;
  }

  start(): void {
    this.stop();
    this.#asking = false;
    this.#timer = this.#ports.clock.every(EVERY_MS, () => void this.#round());
    void this.#round();
  }

  stop(): void {
    this.#turn++;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  async #round(): Promise<void> {
    if (this.#asking) return;
    const turn = this.#turn;
    this.#asking = true;
    try {
      const versions = await this.#ask();
      if (turn !== this.#turn) return;
      const version = decideVersion(this.#ports.current(), versions);
      if (version === undefined) return;
      this.#ports.logger.info('setting the cluster version', { from: this.#ports.current() ?? '', to: version });
      await this.#ports.set(version);
    } catch (error) {
      if (turn === this.#turn) this.#ports.logger.warn('failed to set the cluster version', { error: String(error) });
    } finally {
      if (turn === this.#turn) this.#asking = false;
    }
  }

  async #ask(): Promise<readonly (string | undefined)[]> {
    const { logger } = this.#ports;
    const silent = new Set<bigint>();
    const versions = await Promise.all(
      this.#ports.members().map(async ({ id }) => {
        try {
          const version = await this.#ports.versionOf(id);
          if (parseVersion(version) === undefined) throw new Error(`"${version}" is not a version`);
          return version;
        } catch (error) {
          silent.add(id);
          if (!this.#silent.has(id)) {
            logger.warn('cannot tell the version of a member', { 'remote-member-id': hexId(id), error: String(error) });
          }
          return undefined;
        }
      }),
    );
    this.#silent = silent;
    return versions;
  }
}
