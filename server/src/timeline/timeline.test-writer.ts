/** Writes entries as fast as it can and says how many are durable, until it is killed: see timeline.test.ts. */
import { systemChance } from '#kernel/chance.ts';
import { systemClock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import { openStore } from '#store/store.ts';
import { openTimeline } from './timeline.ts';

const store = await openStore({ url: process.argv[2]!, dataFolder: '/nowhere', log: silentLog, clock: systemClock });
const timeline = await openTimeline({ store, clock: systemClock, chance: systemChance, log: silentLog, site: 'demo' });
for (;;) {
  const entries = Array.from({ length: 500 }, (_, i) => timeline.append({ kind: 'test.counted', data: { i } }));
  const durable = await Promise.all(entries);
  process.stdout.write(`${durable.at(-1)!.seq}\n`);
}
