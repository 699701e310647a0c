import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cannotRun, mediasoupClientScript, openBrowser, readySfu } from './test-browser.ts';
import { openEngine } from './test-engine.ts';
import { FLASH_AND_BEEP, joinCall, publish, watch } from './test-pages.ts';

test(
  'a field phone is seen and heard, speaks in a conference, and comes back',
  { skip: cannotRun(), timeout: 90_000 },
  async (t) => {
    const [sfu, browser, script] = await Promise.all([readySfu(t), openBrowser(t), mediasoupClientScript()]);
    const field = await browser.openPage({ scripts: [script, FLASH_AND_BEEP] });
    const console = await browser.openPage({ scripts: [script] });
    const publisher = await sfu.openPublisher();
    await publish(field, publisher);
    assert.deepEqual(publisher.sources, ['camera', 'microphone']);
    const viewer = await sfu.openViewer(publisher);
    await watch(console, viewer);

    await t.test('the second page sees the flashes and hears the beeps', async () => {
      await console.evaluate(SEES_AND_HEARS);
    });

    await t.test('the phone speaks and hears in the conference as G.711', async (t) => {
      const engine = await openEngine(t);
      const wanted: boolean[] = [];
      publisher.on('call-wanted', (isWanted) => wanted.push(isWanted));
      const leg = await publisher.openAudioLeg({ engine });
      engine.say(500, leg.plain);
      const joined = new Promise<void>((resolve) => leg.on('joined', resolve));
      await joinCall(field, publisher);
      await joined;
      await until(() => engine.heard.length > 50 && engine.share(700) > 0.9);
      await field.evaluate(() =>
        (globalThis as any).kit.until(() => Math.abs((globalThis as any).ears.loudest().hz - 500) < 15),
      );
      leg.close();
      assert.deepEqual(wanted, [true, false]);
    });

    await t.test('figures of what arrives are at hand', async () => {
      const { camera } = await publisher.statistics();
      assert(camera && camera.bitrateBps > 1000);
    });

    await t.test('the phone’s page loads again: the viewer stays and sees the new picture', async () => {
      const removed: string[] = [];
      const added: string[] = [];
      viewer.on('source-removed', (source) => removed.push(source));
      viewer.on('source-added', (source) => added.push(source));
      const gone = new Promise((resolve) => publisher.on('gone', resolve));
      await field.goto('about:blank');
      assert.equal(await gone, 'browser-left');
      assert.deepEqual(removed, ['camera', 'microphone']);
      const again = await browser.openPage({ scripts: [script, FLASH_AND_BEEP] });
      await publish(again, publisher, { videoCodec: 'video/H264' });
      assert.deepEqual(added, ['camera', 'microphone']);
      await console.evaluate(async () => {
        await (globalThis as any).take('camera');
        await (globalThis as any).take('microphone');
      });
      await console.evaluate(SEES_AND_HEARS);
    });

    await t.test('nonsense from a page is refused in words', async () => {
      await assert.rejects(publisher.produce({ source: 'camera', rtpParameters: { codecs: 'none' } }), {
        code: 'REQUEST_MALFORMED',
      });
      await assert.rejects(viewer.consume('camera', {}), { code: /NOT_FOUND|REQUEST_MALFORMED/ });
      await assert.rejects(async () => publisher.connectTransport('no-such', {}), { code: 'NOT_FOUND' });
    });

    await t.test('the end of the feed ends the viewing', async () => {
      const ended = new Promise((resolve) => viewer.on('closed', resolve));
      publisher.close();
      assert.equal(await ended, 'feed-ended');
    });
  },
);

/** Waits until the page has seen black and white, and heard 1000 Hz. */
const SEES_AND_HEARS = `(async () => {
  const canvas = document.createElement('canvas');
  canvas.width = 32; canvas.height = 24;
  const drawing = canvas.getContext('2d', { willReadFrequently: true });
  const seen = new Set();
  let heard = false;
  await kit.until(() => {
    drawing.drawImage(video, 0, 0, 32, 24);
    const [red] = drawing.getImageData(16, 16, 1, 1).data;
    if (video.videoWidth > 0) seen.add(red > 200 ? 'white' : red < 50 ? 'black' : 'other');
    const { hz, db } = ears.loudest();
    heard ||= Math.abs(hz - 1000) < 15 && db > -50;
    return heard && seen.has('white') && seen.has('black');
  }, 15000);
})()`;

async function until(check: () => boolean, ms = 10_000): Promise<void> {
  const end = performance.now() + ms;
  while (!check()) {
    assert(performance.now() < end, `waited in vain for ${String(check)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
