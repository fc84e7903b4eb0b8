/**
 * For tests of what is built on Raft: members in memory, a network to cut, invariants to check after every step, and
 * suites that prove a {@link LogWriter} or a {@link Transport}.
 *
 * @packageDocumentation
 */
export { assertEqual, type SuiteCase } from './check.js';
export { describeConfState, describeEntries, describeMessage } from './describe.js';
export { allInvariants } from './invariants/all.js';
export { CommittedIsFinal } from './invariants/committed-is-final.js';
export { CursorsInOrder } from './invariants/cursors-in-order.js';
export { ElectionSafety } from './invariants/election-safety.js';
export type { Invariant, MemberView } from './invariants/invariant.js';
export { LeaderCompleteness } from './invariants/leader-completeness.js';
export { LogMatching } from './invariants/log-matching.js';
export { StateMachineSafety } from './invariants/state-machine-safety.js';
export { type LogHarness, type LogUnderTest, logSuite } from './log-suite.js';
export { digestOf, Member, viewOf } from './member.js';
export { MemoryDisk } from './memory-disk.js';
export { MemoryHub, type Receiver } from './memory-hub.js';
export { Network } from './network.js';
export { runScenario } from './scenario.js';
export { everyMessage, type TransportHarness, type TransportUnderTest, transportSuite } from './transport-suite.js';
