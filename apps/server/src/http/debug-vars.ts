import { readProcessStats } from '../observe/process-stats.js';
import { type HttpHandler, onlyGet } from './answer.js';

/** Raft as `/debug/vars` prints it: ids in hex, as text. */
export interface RaftStatus {
  readonly id: bigint;
  readonly term: number;
  /** 0: nobody. */
  readonly vote: bigint;
  readonly commit: number;
  readonly lead: bigint;
  readonly raftState: 'StateFollower' | 'StateCandidate' | 'StateLeader' | 'StatePreCandidate';
  readonly applied: number;
}

/** `/debug/vars`: a few facts of the process as JSON, one a line. No configuration that could be a secret. */
export function debugVarsHandler(
  raftStatus: () => RaftStatus,
  commandLine: readonly string[] = process.argv,
): HttpHandler {
  return onlyGet(() => {
    const memory = process.memoryUsage();
    const { id, term, vote, commit, lead, raftState, applied } = raftStatus();
    const vars: Readonly<Record<string, unknown>> = {
      cmdline: commandLine,
      file_descriptor_limit: readProcessStats().maxFds ?? 0,
      // Go's names where Node knows the same thing.
      memstats: {
        Alloc: memory.heapUsed,
        Sys: memory.rss,
        HeapAlloc: memory.heapUsed,
        HeapSys: memory.heapTotal,
        HeapInuse: memory.heapUsed,
      },
      'raft.status': {
        id: id.toString(16),
        term,
        vote: vote.toString(16),
        commit,
        lead: lead.toString(16),
        raftState,
        applied,
        progress: {},
        leadtransferee: '0',
      },
    };
    const lines = Object.entries(vars).map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`);
    return {
      status: 200,
      headers: { 'Content-Type': 'application/json; charset=utf-8' },
      body: `{\n${lines.join(',\n')}\n}\n`,
    };
  });
}
