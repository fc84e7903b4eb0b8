import type { Logger } from '@kontiki/std';
import type { Database } from './database.js';

const MEGABYTE = 1024 * 1024;

/**
 * Gives free space back before anybody is served, when there is enough of it to be worth the wait.
 * @param thresholdMegabytes of space that would come free; 0: never
 */
export async function defragmentAtBoot(database: Database, thresholdMegabytes: number, logger: Logger): Promise<void> {
  if (thresholdMegabytes <= 0) return;
  const thresholdBytes = thresholdMegabytes * MEGABYTE;
  const sizes = (): Record<string, number> => ({
    'current-db-size-bytes': database.sizeBytes(),
    'current-db-size-in-use-bytes': database.sizeInUseBytes(),
  });
  if (database.sizeBytes() - database.sizeInUseBytes() < thresholdBytes) {
    logger.info('skipping defragmentation', { ...sizes(), 'bootstrap-defrag-threshold-bytes': thresholdBytes });
    return;
  }
  logger.info('defragmenting', sizes());
  await database.defragment();
  logger.info('defragmented', sizes());
}
