import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Hub } from '../../src/watch/hub.js';
import { script, sizes } from './script.js';
import { ScriptedHistory } from './scripted-history.js';
import { call } from './witness.js';
import { World } from './world.js';

it('gives every watcher the changes of its range from its start on, each once and in order, whatever comes in between', async () => {
  await fc.assert(
    fc.asyncProperty(sizes, fc.integer({ min: 1, max: 3 }), script, async (sizes, chunkRevisions, steps) => {
      const history = new ScriptedHistory();
      history.chunkRevisions = chunkRevisions;
      const hub = new Hub(history, sizes);
      const world = new World(
        history,
        {
          watch: (options) => hub.watch(options),
          write: () => call(() => hub.publish(history.revision, history.latest)),
          compact: () => {},
          replace: (missed, back) => {
            const last = history.revision;
            history.exchange(missed, back);
            call(() => hub.replaced(last));
          },
          proceed: () => history.proceed(),
        },
        sizes,
      );
      await world.run(steps);
      history.proceed(true);
      await world.settle(() => history.openScans > 0);

      expect(hub.status).toMatchObject({ pendingEvents: 0, lagging: 0 });
      for (const witness of world.witnesses) witness.cancel();
      await hub.close();
      expect(hub.status).toMatchObject({ watchers: 0, lagging: 0, pendingEvents: 0, pendingBytes: 0 });
      expect(history.openScans).toBe(0);
    }),
    { numRuns: 500 },
  );
});
