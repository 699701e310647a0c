/** Opens the embedded store, writes rows and says how many are in, until it is killed: see store.test.ts. */
import { systemClock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import { openStore } from './store.ts';

const store = await openStore({ dataFolder: process.argv[2]!, log: silentLog, clock: systemClock });
await store.query('CREATE TABLE IF NOT EXISTS victim (n bigint)');
for (let n = 1; ; n += 1) {
  await store.query('INSERT INTO victim VALUES ($1)', [n]);
  process.stdout.write(`${n}\n`);
}
