/** What `Profiler.stop` gives. @see Chrome DevTools Protocol, Profiler.Profile */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  /** Microseconds. */
  readonly startTime: number;
  readonly endTime: number;
  /** Node ids; the i-th was on top `timeDeltas[i]` microseconds after the one before. */
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

export interface ProfileNode {
  readonly id: number;
  readonly callFrame: CallFrame;
  readonly children?: readonly number[];
}

export interface CallFrame {
  readonly functionName: string;
  /** Empty for native code. */
  readonly url: string;
  /** From 0; -1 for native code. */
  readonly lineNumber: number;
  readonly columnNumber: number;
}

/** Time spent in one place of the call tree itself, not in what it calls. */
export interface SelfTime {
  readonly frame: CallFrame;
  /** The nearest caller that has a source; the frame itself when it has one; undefined when there is none. */
  readonly sourced: CallFrame | undefined;
  readonly micros: number;
}

/** Each node that was ever on top, with its time: a sample counts until the next one. */
export function selfTimes(profile: CpuProfile): SelfTime[] {
  const micros = new Map<number, number>();
  profile.samples.forEach((id, i) => {
    const until = profile.timeDeltas[i + 1] ?? 0;
    micros.set(id, (micros.get(id) ?? 0) + Math.max(until, 0));
  });
  const byId = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map(
    profile.nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node] as const)),
  );
  return [...micros].map(([id, time]) => {
    let node = byId.get(id);
    const frame = node!.callFrame;
    while (node !== undefined && node.callFrame.url === '') node = parents.get(node.id);
    return { frame, sourced: node?.callFrame, micros: time };
  });
}
