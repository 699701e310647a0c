import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { execFile, spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { connectAsync } from 'mqtt';
import type { TimelineEntry } from '@tocsin/protocol/views.ts';
import { systemChance as chance } from '@tocsin/server/kernel/chance.ts';
import { systemClock as clock } from '@tocsin/server/kernel/clock.ts';
import { makeClip } from '../gateways/camera/simulator/h264-clip.ts';
import { OnvifHead } from '../gateways/camera/simulator/onvif-head.ts';
import { RtspCamera } from '../gateways/camera/simulator/rtsp-camera.ts';
import { kindsIn } from '../server/src/video/test-flashes.ts';
import { Browser, noBrowser, readyForBrowsers, shoot } from './kit/browser.ts';
import { Console } from './kit/console.ts';
import { DeskPage } from './kit/desk-page.ts';
import { testFolder } from './kit/gateways.ts';
import { siteFolder } from './kit/own-site.ts';
import { Tocsin } from './kit/tocsin.ts';
import { pause, until } from './kit/wait.ts';

const ffmpeg = process.env['TOCSIN_FFMPEG'] ?? 'ffmpeg';
const skip = noBrowser || (spawnSync(ffmpeg, ['-version']).error ? 'there is no ffmpeg on this machine' : false);
const run = promisify(execFile);

const ACCOUNT = { username: 'viewer', password: 'correct horse' };
const SPILLWAY = '溢洪道 1 号机';
const BRIDGE = '石桥 2 号机';

interface House {
  tocsin: Tocsin;
  facts: Console;
  desk: DeskPage;
  spillway: RtspCamera;
  bridge: RtspCamera;
  head: OnvifHead;
}

test(
  'cameras by RTSP are on the wall beside phones, kept as evidence, and pulled only while wanted',
  { skip },
  async (t) => {
    const open = async (hue: number) => {
      const made = await RtspCamera.open({ ...ACCOUNT, clip: () => makeClip({ ffmpeg, hue }), clock, chance });
      t.after(() => made[Symbol.asyncDispose]());
      return made;
    };
    const [spillway, bridge] = await Promise.all([open(0), open(120)]);
    const head = await OnvifHead.open({ ...ACCOUNT, clock, clockOffMs: 3_600_000 });
    t.after(() => head[Symbol.asyncDispose]());
    const secrets = await testFolder(t, 'secrets');
    await writeFile(join(secrets, 'bridge'), 'out of date\n');
    const site = await siteFolder(t, () => {}, [
      {
        ...{ kind: 'camera', id: 'cameras-1', bearer: 'fibre' },
        cameras: [
          { id: 'spillway', url: spillway.url, onvif: head.url, ...ACCOUNT },
          { id: 'shiqiao-bridge', url: bridge.url, username: 'viewer', passwordFile: join(secrets, 'bridge') },
        ],
      },
    ]);
    const [tocsin, browser] = await Promise.all([
      Tocsin.start(t, { TOCSIN_SITE: site, TOCSIN_SIMULATORS: 'off' }),
      Browser.start(t, { microphoneHz: 400 }),
    ]);
    await readyForBrowsers(tocsin);
    const facts = await Console.open(t, tocsin, 'lead');
    const desk = await DeskPage.open(t, tocsin, browser);
    await desk.page.goto(`${tocsin.http}/video`);
    const house: House = { tocsin, facts, desk, spillway, bridge, head };
    let feed = '';

    await t.test('one press on a camera brings its moving picture', async (t) => {
      feed = await onePress(t, house);
    });
    await t.test('a camera with a wrong password says so, in its row and in its place on the wall', () =>
      refused(house),
    );
    await t.test('the camera goes while an arrow is held and stands when it is let go; a preset is one press', () =>
      steered(house),
    );
    await t.test('a snapshot is on the timeline under the hash of its file', (t) => snapshot(t, house, feed));
    await t.test('a recording by hand is kept like one of a phone', (t) => recorded(t, house, feed));
    await t.test('an unplugged camera is told in words and returns by itself', (t) => unplugged(t, house));
    await t.test('the last who leaves stops the pull', () => left(house, feed));
    await t.test('an alarm opens the cameras nearest to it, and its page shows them', (t) => nearest(t, house));
  },
);

async function onePress(t: TestContext, { desk, facts, spillway }: House): Promise<string> {
  await until('the camera is known to be there', () => facts.get('cameras', 'spillway')?.state === 'ready');
  assert.equal(spillway.viewers, 0, 'nobody pulls a camera that nobody watches');
  const pressed = performance.now();
  await row(desk, SPILLWAY).click();
  const picture = pictureOf(desk, SPILLWAY);
  await until('a picture is decoded', async () => (await frames(picture)) > 0, 60_000);
  t.diagnostic(`first picture ${Math.round(performance.now() - pressed)} ms after the press`);
  const before = await frames(picture);
  const seen = new Set<string>();
  await until('the picture moves', async () => {
    seen.add(await lookAt(picture));
    return seen.size >= 5;
  });
  assert.ok((await frames(picture)) - before >= 4, 'frames are decoded');
  assert.equal(spillway.viewers, 1);
  await shoot(desk.page, 'wall-camera');
  const { feed } = facts.get('cameras', 'spillway')!;
  assert.ok(feed);
  return feed;
}

async function refused({ desk, facts, bridge }: House): Promise<void> {
  await until(
    'the refusal is known',
    () => facts.get('cameras', 'shiqiao-bridge')?.trouble === 'camera-password-wrong',
  );
  await row(desk, BRIDGE).getByText('摄像机不认密码').waitFor();
  await row(desk, BRIDGE).click();
  await desk.page.getByRole('group', { name: BRIDGE }).getByText('摄像机不认密码').waitFor();
  assert.equal(bridge.viewers, 0);
  await shoot(desk.page, 'wall-camera-refused');
  await row(desk, SPILLWAY).click();
}

async function steered({ tocsin, desk, head }: House): Promise<void> {
  const controls = desk.page.getByRole('group', { name: '云台' });
  await controls.getByRole('button', { name: '向右' }).hover();
  await desk.page.mouse.down();
  await until('the camera goes', () => head.isMoving);
  await until('the desk says so again', () => head.orders.filter((order) => order.startsWith('move')).length >= 3);
  await shoot(desk.page, 'wall-camera-head');
  await desk.page.mouse.up();
  await until('it stands', () => !head.isMoving && head.orders.at(-1) === 'stop');
  assert.ok(head.at.pan > 0);
  await controls.getByRole('button', { name: '溢洪道闸门' }).click();
  await until('it is at the preset', () => head.at.pan === -0.5);
  await until('the preset is on the timeline', async () => {
    const entries = await tocsin.timeline({ kind: 'camera.sent-to-preset' });
    return entries.length === 1;
  });
  const steered = await tocsin.timeline({ kind: 'camera.steered' });
  assert.equal(steered.length, 1, 'once for all that was held');
}

async function nearest(t: TestContext, { tocsin, desk, facts, spillway }: House): Promise<void> {
  const devices = await connectAsync(`mqtt://${tocsin.mqtt}`, { reconnectPeriod: 0 });
  t.after(() => devices.endAsync(true));
  const body = { kind: 'one-key', alarm: 'al-near', location: { latitude: 30.2165, longitude: 119.4012 } };
  await devices.publishAsync('tocsin/demo/device/ek-0412/alarm', JSON.stringify(body), { qos: 1 });
  const alarm = await until('the alarm names its cameras', () =>
    facts.all('alarms').find(({ cameras }) => cameras?.length),
  );
  assert.deepEqual(alarm.cameras, ['spillway', 'shiqiao-bridge']);
  await until('the nearest is pulled before anybody looks', () => spillway.viewers === 1);
  await desk.page.goto(`${tocsin.http}/alarm/${alarm.id}`);
  const picture = pictureOf(desk, SPILLWAY);
  await until('its page shows the picture', async () => (await frames(picture)) > 0, 60_000);
  await shoot(desk.page, 'alarm-cameras');
  await desk.page.setViewportSize({ width: 390, height: 844 });
  await desk.page.getByRole('region', { name: '附近摄像机' }).scrollIntoViewIfNeeded();
  await shoot(desk.page, 'alarm-cameras-phone');
  await desk.page.goto(`${tocsin.http}/video`);
  await row(desk, SPILLWAY).waitFor();
  await shoot(desk.page, 'wall-phone');
  await desk.page.setViewportSize({ width: 1920, height: 1080 });
}

async function snapshot(t: TestContext, { tocsin, facts }: House, feed: string): Promise<void> {
  const taken = await facts.command({ do: 'video.snapshot', feed });
  assert.ok(taken.ok, JSON.stringify(taken));
  const entry = await until('the snapshot is on the timeline', async () => {
    const [found] = await tocsin.timeline({ kind: 'feed.snapshot-taken' });
    return found;
  });
  const [blob] = entry.blobs;
  assert.equal(blob?.kind, 'picture');
  const response = await tocsin.request('GET', `/api/recordings/${blob!.sha256}`);
  assert.equal(response.headers.get('content-type'), 'image/jpeg');
  const bytes = Buffer.from(await response.arrayBuffer());
  assert.equal(createHash('sha256').update(bytes).digest('hex'), blob!.sha256);
  const file = join(await testFolder(t, 'snapshot'), 'snapshot.jpg');
  await writeFile(file, bytes);
  const { stderr } = await run(ffmpeg, ['-hide_banner', '-i', file, '-f', 'null', '-']);
  assert.match(stderr, /Video: mjpeg.* 640x360/);
}

async function recorded(t: TestContext, { tocsin, facts }: House, feed: string): Promise<void> {
  assert.equal(facts.get('feeds', feed)?.isRecording, false, 'a camera is recorded when it is asked for');
  await tocsin.command({ do: 'video.record', feed, isOn: true });
  await until('it records', () => facts.get('feeds', feed)?.isRecording);
  await pause(4000);
  await tocsin.command({ do: 'video.record', feed, isOn: false });
  const part = await until('the part is on the timeline', async () => {
    const parts = await tocsin.timeline({ kind: 'feed.recording-part-finished' });
    return parts.find(({ data }) => data['feed'] === feed);
  });
  const file = await fetched(t, tocsin, part);
  assert.deepEqual(await kindsIn(file), ['video']);
  const { stdout } = await run(ffmpeg, ['-v', 'error', '-i', file, '-f', 'framemd5', '-']);
  const pictures = new Set(stdout.split('\n').flatMap((line) => /, ([0-9a-f]{32})$/.exec(line)?.[1] ?? []));
  assert.ok(pictures.size >= 15, `only ${pictures.size} different pictures in 4 s`);
}

async function unplugged(t: TestContext, { desk, facts, spillway }: House): Promise<void> {
  const tile = desk.page.getByRole('group', { name: SPILLWAY });
  const pulledAt = performance.now();
  spillway.manner = 'hangs-up';
  spillway.hangUp();
  await tile.getByText(/对端不是摄像机|摄像机没有画面/).waitFor();
  t.diagnostic(`the wall says so ${Math.round(performance.now() - pulledAt)} ms after the cut`);
  await until('the reason is known', () => facts.get('cameras', 'spillway')?.trouble === 'camera-not-rtsp');
  await shoot(desk.page, 'wall-camera-lost');
  spillway.manner = 'works';
  const pluggedAt = performance.now();
  const picture = pictureOf(desk, SPILLWAY);
  await until('the picture is back', async () => (await frames(picture)) > 0, 60_000);
  const before = await lookAt(picture);
  await until('and moves', async () => (await lookAt(picture)) !== before);
  t.diagnostic(`the picture is back ${Math.round(performance.now() - pluggedAt)} ms after the camera`);
}

async function left({ tocsin, desk, facts, spillway }: House, feed: string): Promise<void> {
  assert.equal(spillway.viewers, 1);
  await desk.page.goto(`${tocsin.http}/settings`);
  await until('the feed has ended', () => facts.get('feeds', feed)?.endedBecause === 'nobody-watches', 60_000);
  await until('the camera is let go', () => spillway.viewers === 0);
}

// --- what is looked at ---

const row = (desk: DeskPage, name: string) =>
  desk.page.locator('.sources li').filter({ hasText: name }).getByRole('button');

const pictureOf = (desk: DeskPage, name: string) => desk.page.getByRole('group', { name }).locator('video');

type Picture = ReturnType<typeof pictureOf>;

/** How many frames the page has decoded; 0 while there is no picture. */
async function frames(picture: Picture): Promise<number> {
  if ((await picture.count()) === 0) return 0;
  return await picture.evaluate((video) => (video as never as HTMLVideo).getVideoPlaybackQuality().totalVideoFrames);
}

/** The picture made small, so that two that differ are told apart; nothing while there is none. */
async function lookAt(picture: Picture): Promise<string> {
  if ((await picture.count()) === 0) return '';
  return await picture.evaluate((video) => {
    const { document } = globalThis as never as { document: { createElement(name: string): Canvas } };
    const canvas = Object.assign(document.createElement('canvas'), { width: 32, height: 18 });
    const drawing = canvas.getContext('2d');
    drawing.drawImage(video, 0, 0, 32, 18);
    return [...drawing.getImageData(0, 0, 32, 18).data].map((value) => value >> 4).join('');
  });
}

async function fetched(t: TestContext, tocsin: Tocsin, { blobs }: TimelineEntry): Promise<string> {
  const response = await tocsin.request('GET', `/api/recordings/${blobs[0]!.sha256}`);
  assert.equal(response.status, 200);
  const file = join(await testFolder(t, 'part'), 'part.mkv');
  await writeFile(file, Buffer.from(await response.arrayBuffer()));
  return file;
}

/** As far as the stories are compiled, there is no DOM. */
interface HTMLVideo {
  getVideoPlaybackQuality(): { totalVideoFrames: number };
}
interface Canvas {
  getContext(kind: '2d'): {
    drawImage(source: unknown, ...numbers: number[]): void;
    getImageData(x: number, y: number, width: number, height: number): { data: number[] };
  };
}
