import type { RegisterInput, RegisterOutput } from '@kontiki/sim';
import type { Random } from '@kontiki/std';
import { type Attempt, bytes, type Entry, entryOf, type Write } from '../../../crash/src/index.js';
import { Client } from '../../../harness/src/index.js';
import type { Cluster } from '../cluster.js';
import type { ClusterMember } from '../member.js';
import type { LoadRecord } from './record.js';

/** The keys everybody writes and reads. */
export const registerKeys: readonly string[] = ['r/0', 'r/1', 'r/2', 'r/3'];

/** A call is given up after so long: longer than an election, shorter than the server's own patience. */
const CALL_MS = 3_000;

/** One client of the load: one call after the other, at one member until it fails, then at the next. */
export class LoadClient {
  readonly #id: number;
  readonly #cluster: Cluster;
  readonly #random: Random;
  readonly #pauseMs: number;
  #record: LoadRecord;
  #member: ClusterMember | undefined;
  #client: Client | undefined;
  #count = 0;
  /** The last entry this client saw of each register, for guards. */
  readonly #seen = new Map<string, Entry>();
  /** Keys of its own that were acknowledged. */
  appended = 0;

  /** @param pauseMs the longest pause between two calls */
  constructor(id: number, cluster: Cluster, random: Random, record: LoadRecord, pauseMs: number) {
    this.#id = id;
    this.#cluster = cluster;
    this.#random = random;
    this.#record = record;
    this.#pauseMs = pauseMs;
  }

  /** Calls until `running` says no, then returns once the last answer came or was given up. */
  async run(record: LoadRecord, running: () => boolean): Promise<void> {
    this.#record = record;
    while (running()) {
      const client = this.#connected();
      const outcome = client === undefined ? 'refused' : await this.#one(client);
      if (outcome !== 'fine') {
        this.#leave();
        await pause(20 + this.#random.int(80));
      }
      await pause(this.#random.int(this.#pauseMs + 1));
    }
  }

  close(): void {
    this.#leave();
  }

  #one(client: Client): Promise<Outcome> {
    const dice = this.#random.int(100);
    const key = registerKeys[this.#random.int(registerKeys.length)]!;
    if (dice < 25) return this.#put(client, key);
    if (dice < 40) return this.#cas(client, key);
    if (dice < 65) return this.#get(client, key);
    if (dice < 80) return this.#getSerializable(client, key);
    return this.#append(client);
  }

  async #put(client: Client, key: string): Promise<Outcome> {
    const value = this.#value();
    const write: Write = { kind: 'put', key, value, lease: 0n };
    const call = this.#called(write, { kind: 'put', key, value });
    const reply = await client.kv.put({ key: bytes(key), value: bytes(value) }, { timeoutMs: CALL_MS });
    if (!reply.ok) return call.failed('put', reply.code, reply.details);
    return call.done(reply.response.header?.revision ?? 0, true, { kind: 'done' });
  }

  async #append(client: Client): Promise<Outcome> {
    const value = this.#value();
    const key = `a/${this.#id}/${value}`;
    const call = this.#called({ kind: 'put', key, value, lease: 0n });
    const reply = await client.kv.put({ key: bytes(key), value: bytes(value) }, { timeoutMs: CALL_MS });
    if (!reply.ok) return call.failed('append', reply.code, reply.details);
    this.appended += 1;
    return call.done(reply.response.header?.revision ?? 0, true);
  }

  /** Writes when the key still is what this client last saw of it; else it is told what it is now. */
  async #cas(client: Client, key: string): Promise<Outcome> {
    const value = this.#value();
    const expected = this.#seen.get(key);
    const guard = { key, modRevision: expected?.modRevision ?? 0 };
    const write: Write = { kind: 'txn', guard, puts: [{ key, value }], deletes: [] };
    const call = this.#called(write, { kind: 'cas', key, expected: expected?.value, value });
    const request = {
      compare: [
        {
          target: 2 as const,
          key: bytes(key),
          targetUnion: { $case: 'modRevision' as const, value: guard.modRevision },
        },
      ],
      success: [{ request: { $case: 'requestPut' as const, value: { key: bytes(key), value: bytes(value) } } }],
      failure: [{ request: { $case: 'requestRange' as const, value: { key: bytes(key) } } }],
    };
    const reply = await client.kv.txn(request, { timeoutMs: CALL_MS });
    if (!reply.ok) return call.failed('txn', reply.code, reply.details);
    const { header, succeeded, responses } = reply.response;
    const revision = header?.revision ?? 0;
    if (succeeded) return call.done(revision, true, { kind: 'done' });
    const answer = responses[0]?.response;
    const held = answer?.$case === 'responseRange' ? answer.value.kvs[0] : undefined;
    const entry = held === undefined ? undefined : entryOf(held)[1];
    if (entry !== undefined) this.#seen.set(key, entry);
    return call.done(revision, false, { kind: 'held', value: entry?.value });
  }

  async #get(client: Client, key: string): Promise<Outcome> {
    const record = this.#record;
    const life = this.#life();
    const calledAt = record.now();
    const call = record.registers.call(this.#id, { kind: 'get', key });
    const reply = await client.kv.range({ key: bytes(key) }, { timeoutMs: CALL_MS });
    if (!reply.ok) {
      call.failed();
      return record.fail('get', reply.code, reply.details);
    }
    const returnedAt = record.now();
    const revision = reply.response.header?.revision ?? 0;
    const entries = new Map(reply.response.kvs.map(entryOf));
    const entry = entries.get(key);
    if (entry !== undefined) this.#seen.set(key, entry);
    call.returned({ kind: 'got', value: entry?.value });
    record.reads.push({ calledAt, returnedAt, revision, prefix: key, single: true, entries });
    record.sightings.push({ ...life, calledAt, returnedAt, revision });
    return 'fine';
  }

  async #getSerializable(client: Client, key: string): Promise<Outcome> {
    const record = this.#record;
    const life = this.#life();
    const calledAt = record.now();
    const reply = await client.kv.range({ key: bytes(key), serializable: true }, { timeoutMs: CALL_MS });
    if (!reply.ok) return record.fail('serializable get', reply.code, reply.details);
    const returnedAt = record.now();
    const revision = reply.response.header?.revision ?? 0;
    record.sightings.push({ ...life, calledAt, returnedAt, revision });
    // A member that was away may still be where the last stretch had not ended: that state is not replayed any more.
    if (revision >= record.base.revision) {
      const entries = new Map(reply.response.kvs.map(entryOf));
      record.serializable.push({ calledAt, returnedAt, revision, prefix: key, single: true, entries });
    }
    return 'fine';
  }

  /** Opens a write in the record; its two ends close it. */
  #called(write: Write, input?: RegisterInput): OpenWrite {
    const record = this.#record;
    const life = this.#life();
    const calledAt = record.now();
    const call = input === undefined ? undefined : record.registers.call(this.#id, input);
    return {
      done: (revision, changed, output) => {
        const returnedAt = record.now();
        const outcome: Attempt['outcome'] = { kind: 'acked', revision, changed };
        record.attempts.push({ write, calledAt, returnedAt, outcome });
        record.sightings.push({ ...life, calledAt, returnedAt, revision });
        if (output !== undefined) call?.returned(output);
        return 'fine';
      },
      failed: (what, code, details) => {
        const kind = record.fail(what, code, details);
        const returnedAt = kind === 'unknown' ? Number.POSITIVE_INFINITY : record.now();
        record.attempts.push({ write, calledAt, returnedAt, outcome: { kind } });
        if (kind === 'refused') call?.failed();
        else if (input !== undefined) {
          call?.unknown();
          record.openInputs.push(input);
        }
        return kind;
      },
    };
  }

  /** Of the member it talks to now. */
  #life(): { readonly member: string; readonly incarnation: number } {
    return { member: this.#member?.name ?? '', incarnation: this.#member?.incarnation ?? 0 };
  }

  #connected(): Client | undefined {
    if (this.#client !== undefined) return this.#client;
    const { members } = this.#cluster;
    // At first each client has a member of its own; later any will do, dead ones too, as real clients find out by trying.
    const choice = this.#member === undefined ? this.#id : this.#random.int(members.length);
    const member = members[choice % Math.max(1, members.length)];
    if (member === undefined) return undefined;
    this.#member = member;
    this.#client = new Client(member.endpoint);
    return this.#client;
  }

  #leave(): void {
    this.#client?.close();
    this.#client = undefined;
  }

  #value(): string {
    return `v${this.#id}-${++this.#count}`;
  }
}

type Outcome = 'fine' | 'refused' | 'unknown';

interface OpenWrite {
  done(revision: number, changed: boolean, output?: RegisterOutput): Outcome;
  failed(what: string, code: number, details: string): Outcome;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
