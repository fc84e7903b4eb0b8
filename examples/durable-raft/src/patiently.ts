import { RaftError } from '@kontiki/raft';

/** Asks until somebody leads. */
export async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof RaftError) || error.code === 'STOPPED') throw error;
    }
  }
}
