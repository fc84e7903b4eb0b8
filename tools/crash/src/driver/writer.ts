import type { Random } from '@kontiki/std';
import type { Client, Reply } from '../../../harness/src/index.js';
import type { Attempt } from '../evidence.js';
import type { Write } from '../store.js';
import { bytes, endOf } from './convert.js';
import type { Recorder } from './recorder.js';

/** Long enough that nothing expires within a run. */
const leaseSeconds = 36_000;

/** What an answer says about whether the write happened; the statuses that say it did not happen for sure. */
const definite: ReadonlySet<number> = new Set([3, 5, 8, 9, 11, 12]);

export const sharedKeys: readonly string[] = ['s/0', 's/1', 's/2', 's/3'];

/** One client that writes, one call after the other, until a call has no definite answer. */
export class Writer {
  readonly #id: number;
  readonly #random: Random;
  readonly #recorder: Recorder;
  readonly #keys: readonly string[];
  /** Last revision known of each own key, for guards; nobody else writes them. */
  readonly #known = new Map<string, number>();
  readonly #leases: bigint[] = [];
  #count = 0;

  constructor(id: number, random: Random, recorder: Recorder) {
    this.#id = id;
    this.#random = random;
    this.#recorder = recorder;
    this.#keys = Array.from({ length: 5 }, (_, i) => `w${id}/${i}`);
  }

  /** @returns when `running` says stop or the server went away */
  async run(client: Client, running: () => boolean): Promise<void> {
    while (running()) {
      const outcome =
        this.#random.int(20) === 0 ? await this.#grant(client) : await this.#write(client, this.#choose());
      if (outcome === 'unknown') return;
    }
  }

  #choose(): Write {
    const dice = this.#random.int(100);
    const own = this.#pick(this.#keys);
    if (dice < 40) return { kind: 'put', key: this.#anyKey(), value: this.#value(), lease: 0n };
    if (dice < 55) return { kind: 'put', key: own, value: this.#value(), lease: this.#anyLease() };
    if (dice < 70) {
      const [first, second] = [own, this.#pick(this.#keys.filter((key) => key !== own))];
      const puts = [first, this.#pick(sharedKeys)].map((key) => ({ key, value: this.#value() }));
      return { kind: 'txn', puts, deletes: [second] };
    }
    if (dice < 82) {
      const guard = { key: own, modRevision: this.#known.get(own) ?? 0 };
      return { kind: 'txn', guard, puts: [{ key: own, value: this.#value() }], deletes: [] };
    }
    if (dice < 93) return { kind: 'delete', prefix: this.#anyKey(), single: true };
    if (dice < 96) return { kind: 'delete', prefix: `w${this.#id}/`, single: false };
    const lease = this.#leases.shift();
    return lease === undefined ? { kind: 'put', key: own, value: this.#value(), lease: 0n } : { kind: 'revoke', lease };
  }

  async #write(client: Client, write: Write): Promise<Attempt['outcome']['kind']> {
    const calledAt = this.#recorder.now();
    const outcome = await perform(client, write);
    const returnedAt = outcome.kind === 'unknown' ? Number.POSITIVE_INFINITY : this.#recorder.now();
    this.#recorder.attempts.push({ write, calledAt, returnedAt, outcome });
    if (outcome.kind === 'acked') {
      this.#recorder.see(outcome.revision);
      this.#remember(write, outcome.revision, outcome.changed === true);
    }
    const lease = write.kind === 'revoke' ? this.#recorder.leases.get(write.lease) : undefined;
    if (lease !== undefined && outcome.kind !== 'refused')
      lease.status = outcome.kind === 'acked' ? 'revoked' : 'maybe';
    return outcome.kind;
  }

  async #grant(client: Client): Promise<Attempt['outcome']['kind']> {
    const id = (BigInt(this.#id + 1) << 32n) | BigInt(++this.#count);
    const reply = await client.lease.leaseGrant({ ID: id, TTL: leaseSeconds });
    const outcome = outcomeOf(reply, () => true).kind;
    if (outcome === 'refused') return outcome;
    this.#recorder.leases.set(id, { id, ttl: leaseSeconds, status: outcome === 'acked' ? 'acked' : 'maybe' });
    if (outcome === 'acked') this.#leases.push(id);
    return outcome;
  }

  #remember(write: Write, revision: number, changed: boolean): void {
    if (write.kind === 'put') this.#known.set(write.key, revision);
    if (write.kind === 'txn' && changed) {
      for (const { key } of write.puts) this.#known.set(key, revision);
      for (const key of write.deletes) this.#known.delete(key);
    }
    if (write.kind === 'delete') {
      for (const key of this.#keys) if (key.startsWith(write.prefix)) this.#known.delete(key);
    }
  }

  #value(): string {
    return `v${this.#id}-${++this.#count}`;
  }

  #anyKey(): string {
    return this.#random.int(3) === 0 ? this.#pick(sharedKeys) : this.#pick(this.#keys);
  }

  #anyLease(): bigint {
    return this.#leases.length === 0 ? 0n : this.#pick(this.#leases);
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#random.int(items.length)]!;
  }
}

/** Makes the call. */
async function perform(client: Client, write: Write): Promise<Attempt['outcome']> {
  switch (write.kind) {
    case 'put': {
      const { key, value, lease } = write;
      return outcomeOf(await client.kv.put({ key: bytes(key), value: bytes(value), lease }), () => true);
    }
    case 'delete': {
      const key = bytes(write.prefix);
      const rangeEnd = write.single ? new Uint8Array(0) : endOf(write.prefix);
      return outcomeOf(await client.kv.deleteRange({ key, rangeEnd }), ({ deleted }) => deleted > 0);
    }
    case 'txn':
      return outcomeOf(await client.kv.txn(txnRequest(write)), ({ succeeded }) => succeeded);
    case 'revoke':
      return outcomeOf(await client.lease.leaseRevoke({ ID: write.lease }), () => undefined);
  }
}

function txnRequest(write: Write & { kind: 'txn' }): Parameters<Client['kv']['txn']>[0] {
  const puts = write.puts.map(({ key, value }) => ({
    request: { $case: 'requestPut' as const, value: { key: bytes(key), value: bytes(value) } },
  }));
  const deletes = write.deletes.map((key) => ({
    request: { $case: 'requestDeleteRange' as const, value: { key: bytes(key) } },
  }));
  const compare =
    write.guard === undefined
      ? []
      : [
          {
            target: 2 as const,
            key: bytes(write.guard.key),
            targetUnion: { $case: 'modRevision' as const, value: write.guard.modRevision },
          },
        ];
  return { compare, success: [...puts, ...deletes] };
}

function outcomeOf<Response extends { header: { revision: number } | undefined }>(
  reply: Reply<Response>,
  changedBy: (response: Response) => boolean | undefined,
): Attempt['outcome'] {
  if (!reply.ok) return { kind: definite.has(reply.code) ? 'refused' : 'unknown' };
  const revision = reply.response.header?.revision ?? 0;
  const changed = changedBy(reply.response);
  return { kind: 'acked', revision, ...(changed === undefined ? {} : { changed }) };
}
