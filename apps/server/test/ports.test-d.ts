/**
 * Where two packages meet, one declares a port and the other fits it by structure: each fit, in one line. Nothing runs
 * here; `npm run check` compiles it.
 */
import type * as mvcc from '@kontiki/mvcc';
import type { LevelBackend } from '@kontiki/mvcc/level';
import type { kv } from '@kontiki/proto';
import type * as raft from '@kontiki/raft';
import type { Clock, FileSystem, Random } from '@kontiki/std';
import type { nodeFileSystem, systemClock, systemRandom } from '@kontiki/std/node';
import type { MemoryFileSystem } from '@kontiki/wal/testing';
import { expectTypeOf } from 'vitest';
import type { AlarmStore } from '../src/apply/alarms.js';
import type { LeaseStore } from '../src/apply/handlers.js';
import type { Outcome, ServerStateMachine } from '../src/apply/state-machine.js';
import type { MemberStore } from '../src/cluster/members.js';
import type { RaftLog } from '../src/storage/raft-log.js';
import type { MemberSnapshots } from '../src/storage/snapshots.js';
import type { AlarmsTable } from '../src/storage/tables/alarms.js';
import type { LeasesTable } from '../src/storage/tables/leases.js';
import type { MembersTable } from '../src/storage/tables/members.js';
import type { ManualClock } from '../src/testing/manual-clock.js';

expectTypeOf<typeof systemClock>().toExtend<Clock>();
expectTypeOf<ManualClock>().toExtend<Clock>();
expectTypeOf<typeof systemRandom>().toExtend<Random>();
expectTypeOf<typeof nodeFileSystem>().toExtend<FileSystem>();
expectTypeOf<MemoryFileSystem>().toExtend<FileSystem>();

expectTypeOf<RaftLog>().toExtend<raft.LogWriter>();
expectTypeOf<MemberSnapshots>().toExtend<raft.SnapshotStore>();
expectTypeOf<ServerStateMachine>().toExtend<raft.StateMachine<Outcome>>();
expectTypeOf<LevelBackend>().toExtend<mvcc.Backend>();

expectTypeOf<AlarmsTable>().toExtend<AlarmStore>();
expectTypeOf<LeasesTable>().toExtend<LeaseStore>();
expectTypeOf<MembersTable>().toExtend<MemberStore>();

// A read's key-values go into a response as they are.
expectTypeOf<mvcc.KeyValue>().toEqualTypeOf<kv.KeyValue>();
