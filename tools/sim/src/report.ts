import type { RunResult } from './run.js';

/** Figures of many runs. */
export class Totals {
  seeds = 0;
  events = 0;
  simulatedMs = 0;
  readonly #counts: Record<string, number> = {};

  add({ events, simulatedMs, counts }: Pick<RunResult, 'events' | 'simulatedMs' | 'counts'>): void {
    this.seeds++;
    this.events += events;
    this.simulatedMs += simulatedMs;
    for (const [name, count] of Object.entries(counts)) this.#counts[name] = (this.#counts[name] ?? 0) + count;
  }

  /** @param seconds that passed outside */
  line(seconds: number): string {
    const perSecond = (value: number): string => Math.round(value / Math.max(seconds, 0.001)).toLocaleString('en-US');
    const simulated = this.simulatedMs / 1000;
    const counts = Object.entries(this.#counts).map(([name, count]) => `${count.toLocaleString('en-US')} ${name}`);
    return [
      `${this.seeds.toLocaleString('en-US')} seeds, ${this.events.toLocaleString('en-US')} events, ` +
        `${Math.round(simulated).toLocaleString('en-US')} simulated seconds in ${seconds.toFixed(1)} s: ` +
        `${perSecond(this.events)} events/s, ${perSecond(simulated)} simulated s/s`,
      `in them ${counts.join(', ')}`,
    ].join('\n');
  }
}

/** What is broken, and the line that shows it again. */
export function describeFailure(
  result: Pick<RunResult, 'seed' | 'trace'> & { readonly error: unknown },
  command: string,
): string {
  return [`seed ${result.seed}: ${describeError(result.error)}`, ...result.trace.slice(-40), `again: ${command}`].join(
    '\n',
  );
}

/** The error with its causes, first lines of stacks included. */
export function describeError(error: unknown): string {
  const lines: string[] = [];
  for (let cause = error; cause !== undefined; cause = cause instanceof Error ? cause.cause : undefined) {
    lines.push(cause instanceof Error ? (cause.stack ?? String(cause)) : String(cause));
  }
  return lines.join('\ncaused by ');
}
