import type { Exit, ServerProcess } from '../../../../tools/harness/src/index.js';

export function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Asks until it holds, a tenth of a second apart. @throws Error when it does not for too long */
export async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; !(await holds()); attempt++) {
    if (attempt > 150) throw new Error('it does not come about');
    await wait(100);
  }
}

/** The end of a process, which must come by itself. @throws Error with the end of its log when it does not */
export async function ended(server: ServerProcess): Promise<Exit> {
  const late = wait(20_000).then(() => Promise.reject(new Error(`it has not ended:\n${server.log()}`)));
  return Promise.race([server.exited, late]);
}
