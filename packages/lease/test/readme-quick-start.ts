import { LeaseTable, Lessor } from '@kontiki/lease';
import { ManualClock } from '@kontiki/lease/testing';

const clock = new ManualClock(); // in earnest: systemClock of '@kontiki/std/node'
const table = new LeaseTable();
const onExpired = async (id: bigint) => console.log('gone:', table.revoke(id));
const lessor = new Lessor({ table, clock, onExpired });
lessor.promote(0);

table.grant(7n, 10, clock.monotonic());
table.attach(7n, 'sessions/alice');
await clock.advance(9_000);
console.log('renewed for', await lessor.renew(7n), 'seconds');
await clock.advance(10_000);
