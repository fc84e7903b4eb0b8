import { rpc } from '@kontiki/proto';
import type { Random } from '@kontiki/std';
import { bytes, type Write } from '../../../crash/src/index.js';
import { Client } from '../../../harness/src/index.js';
import { type Cluster, sleep } from '../cluster.js';
import type { LoadLease, LoadRecord } from './record.js';

const CALL_MS = 3_000;

/**
 * Grants short leases, hangs keys on them, keeps them alive for a while, then revokes them or lets them run out.
 *
 * A lease that runs out is a revocation of unknown outcome which may not happen before the last answered renewal plus
 * the time to live: so one that ends too early is found by the order of the history.
 */
export class LeaseHolder {
  readonly #cluster: Cluster;
  readonly #random: Random;
  readonly #name: string;
  #count = 0;
  granted = 0;

  constructor(name: string, cluster: Cluster, random: Random) {
    this.#name = name;
    this.#cluster = cluster;
    this.#random = random;
  }

  async run(record: LoadRecord, running: () => boolean): Promise<void> {
    while (running()) {
      const member = this.#cluster.members[this.#random.int(this.#cluster.members.length)];
      if (member !== undefined) {
        const client = new Client(member.endpoint);
        await this.#one(client, record, running);
        client.close();
      }
      await sleep(100 + this.#random.int(300));
    }
  }

  async #one(client: Client, record: LoadRecord, running: () => boolean): Promise<void> {
    const id = this.#random.bits64() >> 1n;
    const calledAt = record.now();
    const grant = await client.lease.leaseGrant({ ID: id, TTL: 2 + this.#random.int(3) }, { timeoutMs: CALL_MS });
    if (!grant.ok) {
      record.fail('lease grant', grant.code, grant.details);
      return;
    }
    this.granted += 1;
    const lease: LoadLease = { id, ttlSeconds: grant.response.TTL, renewedAt: calledAt, over: false };
    record.leases.push(lease);
    for (let i = 0; i < 2; i++) await this.#attach(client, record, id);
    for (let i = this.#random.int(4); i > 0 && running(); i--) {
      await sleep(this.#random.int(1_500));
      await this.#renew(client, record, lease);
    }
    if (this.#random.int(2) === 0) await this.#revoke(client, record, lease);
  }

  async #attach(client: Client, record: LoadRecord, lease: bigint): Promise<void> {
    const value = `${this.#name}-${++this.#count}`;
    const write: Write = { kind: 'put', key: `l/${value}`, value, lease };
    const calledAt = record.now();
    const request = { key: bytes(write.key), value: bytes(value), lease };
    const reply = await client.kv.put(request, { timeoutMs: CALL_MS });
    if (reply.ok) {
      const revision = reply.response.header?.revision ?? 0;
      const outcome = { kind: 'acked', revision, changed: true } as const;
      record.attempts.push({ write, calledAt, returnedAt: record.now(), outcome });
      return;
    }
    // It may have run out meanwhile.
    const kind = isGone(reply.details) ? 'refused' : record.fail('put with a lease', reply.code, reply.details);
    const returnedAt = kind === 'unknown' ? Number.POSITIVE_INFINITY : record.now();
    record.attempts.push({ write, calledAt, returnedAt, outcome: { kind } });
  }

  async #renew(client: Client, record: LoadRecord, lease: LoadLease): Promise<void> {
    const calledAt = record.now();
    let ttl: number | undefined;
    let answered = (): void => undefined;
    const first = new Promise<void>((resolve) => {
      answered = resolve;
    });
    const stream = client.raw.duplex(
      '/etcdserverpb.Lease/LeaseKeepAlive',
      (message) => {
        ttl ??= rpc.LeaseKeepAliveResponse.decode(message).TTL;
        answered();
      },
      { timeoutMs: CALL_MS },
    );
    stream.send(rpc.LeaseKeepAliveRequest.encode(rpc.LeaseKeepAliveRequest.fromPartial({ ID: lease.id })).finish());
    await Promise.race([first, stream.ended]);
    stream.cancel();
    const end = await stream.ended;
    if (ttl === undefined) record.fail('keep alive', end.code, end.details);
    // 0: there is no such lease any more.
    else if (ttl > 0) lease.renewedAt = calledAt;
  }

  async #revoke(client: Client, record: LoadRecord, lease: LoadLease): Promise<void> {
    const write: Write = { kind: 'revoke', lease: lease.id };
    const calledAt = record.now();
    const reply = await client.lease.leaseRevoke({ ID: lease.id }, { timeoutMs: CALL_MS });
    if (reply.ok) {
      const outcome = { kind: 'acked', revision: reply.response.header?.revision ?? 0 } as const;
      record.attempts.push({ write, calledAt, returnedAt: record.now(), outcome });
      lease.over = true;
      return;
    }
    if (isGone(reply.details)) return;
    const kind = record.fail('lease revoke', reply.code, reply.details);
    const returnedAt = kind === 'unknown' ? Number.POSITIVE_INFINITY : record.now();
    record.attempts.push({ write, calledAt, returnedAt, outcome: { kind } });
  }
}

function isGone(details: string): boolean {
  return details === 'etcdserver: requested lease not found';
}
