// Loaded into the profiled server by NODE_OPTIONS. SIGUSR2 begins a profile of the main thread and ends it; the first
// time a file `<name>.started` appears, the second time the profile itself under the name.
import { renameSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { isMainThread } from 'node:worker_threads';

const file = process.env['KONTIKI_BENCH_PROFILE'];
if (isMainThread && file !== undefined) {
  const session = new Session();
  session.connect();
  const post = (method, parameters) =>
    new Promise((resolve, reject) =>
      session.post(method, parameters, (error, result) => (error === null ? resolve(result) : reject(error))),
    );
  let started = false;
  process.on('SIGUSR2', async () => {
    if (!started) {
      started = true;
      await post('Profiler.enable');
      await post('Profiler.setSamplingInterval', { interval: 500 });
      await post('Profiler.start');
      writeFileSync(`${file}.started`, '');
    } else {
      const { profile } = await post('Profiler.stop');
      writeFileSync(`${file}.part`, JSON.stringify(profile));
      renameSync(`${file}.part`, file);
    }
  });
}
