import type { TestContext } from 'node:test';
import { systemChance } from '#kernel/chance.ts';
import { systemClock } from '#kernel/clock.ts';
import { silentLog } from '#kernel/log.ts';
import { mediasoupClientScript, openBrowser, readySfu } from '#sfu/test-browser.ts';
import { FLASH_AND_BEEP, publish } from '#sfu/test-pages.ts';
import { Recording } from './recording.ts';

// A process of its own that records a field phone until it is killed: `test-doomed-server.ts FOLDER FFMPEG`.
const [, , folder = '', ffmpeg = 'ffmpeg'] = process.argv;
const t = { after() {}, diagnostic() {} } as unknown as TestContext;
const [sfu, browser, script] = await Promise.all([readySfu(t), openBrowser(t), mediasoupClientScript()]);
const publisher = await sfu.openPublisher();
await publish(await browser.openPage({ scripts: [script, FLASH_AND_BEEP] }), publisher);
const recording = new Recording({
  feedId: 'feed-doomed',
  recordingId: systemChance.id('recording'),
  publisher,
  folder,
  ffmpeg,
  clock: systemClock,
  log: silentLog,
});
recording.on('part-started', () => process.send?.('recording'));
