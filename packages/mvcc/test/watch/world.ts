import type { Watcher, WatchOptions } from '../../src/watch/watcher.js';
import type { Sizes, Step } from './script.js';
import type { Ask, ScriptedHistory } from './scripted-history.js';
import { Witness } from './witness.js';

const MAX_TURNS = 2000;

/** Everything that is due gets to run. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Waits, by turns, and not for ever. */
export async function until(condition: () => boolean): Promise<void> {
  for (let turns = 0; !condition(); turns++) {
    if (turns > MAX_TURNS) throw new Error('it does not happen');
    await turn();
  }
}

/** What is watched: the code under test. */
export interface Subject {
  watch(options: WatchOptions): Watcher;
  /** Makes one write, which changes something; the model has made it already. */
  write(asked: readonly Ask[]): void;
  compact(revision: number): void;
  /** The model is to be given the same in the turn in which the exchange is made. */
  replace(missed: readonly (readonly Ask[])[], back: number | undefined): Promise<void> | void;
  proceed(): Promise<void> | void;
}

/** One run of a script against a subject and, for each watcher, its naive twin. */
export class World {
  readonly model: ScriptedHistory;
  readonly witnesses: Witness[] = [];
  readonly #subject: Subject;
  readonly #sizes: Sizes;

  constructor(model: ScriptedHistory, subject: Subject, sizes: Sizes) {
    this.model = model;
    this.#subject = subject;
    this.#sizes = sizes;
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      await this.#do(step);
      for (const witness of this.witnesses) witness.checkNow();
    }
  }

  async #do(step: Step): Promise<void> {
    const { model, witnesses } = this;
    const subject = this.#subject;
    switch (step.kind) {
      case 'write':
        if (model.write(step.asked).length > 0) subject.write(step.asked);
        return;
      case 'watch': {
        const { start, kind: _, ...options } = step;
        const startRevision = start === undefined ? {} : { startRevision: Math.max(1, model.revision + start) };
        const { batchMaxRevisions } = this.#sizes;
        witnesses.push(new Witness(subject, model, { ...options, ...startRevision, batchMaxRevisions }));
        return;
      }
      case 'take': {
        const slow = witnesses.filter(({ habit }) => habit === 'slow');
        for (let i = 0; i < step.times && slow.length > 0; i++) slow[step.which % slow.length]!.take();
        return;
      }
      case 'proceed':
        return subject.proceed();
      case 'turn':
        for (let i = 0; i < step.microtasks; i++) await undefined;
        return;
      case 'compact': {
        const revision = model.revision - step.back;
        if (revision <= model.compactedRevision) return;
        model.compact(revision);
        subject.compact(revision);
        return;
      }
      case 'replace':
        return subject.replace(step.missed, step.back);
      case 'cancel':
        if (witnesses.length > 0) witnesses[step.which % witnesses.length]!.cancel();
        return;
    }
  }

  /** Lets everybody get everything, told or asking, until nothing moves any more; then looks at what they got. */
  async settle(isBusy: () => boolean): Promise<void> {
    let turns = 0;
    for (let quiet = 0; quiet < 3; quiet++) {
      if (turns++ > MAX_TURNS) throw new Error('it does not come to rest');
      await turn();
      await this.#subject.proceed();
      for (const witness of this.witnesses) {
        if (witness.habit === 'slow') while (witness.take() !== undefined) quiet = 0;
      }
      if (isBusy()) quiet = 0;
    }
    for (const witness of this.witnesses) {
      witness.checkNow();
      witness.checkEnd();
    }
  }
}
