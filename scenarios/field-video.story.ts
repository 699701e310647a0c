import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import type { TimelineEntry } from '@tocsin/protocol/views.ts';
import { systemChance } from '@tocsin/server/kernel/chance.ts';
import { systemClock } from '@tocsin/server/kernel/clock.ts';
import { openSmscSimulator, type SmscSimulator } from '../gateways/sms/smsc-simulator.ts';
import { FLASH_AND_BEEP } from '../server/src/sfu/test-pages.ts';
import { kindsIn, skewsIn } from '../server/src/video/test-flashes.ts';
import { Baresip } from './kit/baresip.ts';
import { Browser, noBrowser, readyForBrowsers, shoot } from './kit/browser.ts';
import { Console } from './kit/console.ts';
import { DeskPage } from './kit/desk-page.ts';
import { AUDIBLE_IN_PAGE_DB, listenInPage, pageHears } from './kit/ears.ts';
import { smsGateway, testFolder } from './kit/gateways.ts';
import { planFolder } from './kit/own-plans.ts';
import { givePhone, siteFolder } from './kit/own-site.ts';
import { Tocsin } from './kit/tocsin.ts';
import { Tunnel } from './kit/tunnel.ts';
import { hears } from './kit/two-phones.ts';
import { pause, until } from './kit/wait.ts';

const ffmpeg = process.env['TOCSIN_FFMPEG'] ?? 'ffmpeg';
const skip = noBrowser || (spawnSync(ffmpeg, ['-version']).error ? 'there is no ffmpeg on this machine' : false);

const SEAT_HZ = 1400;
const FIELD_HZ = 700;
const DESK_HZ = 1800;
/** What the page that flashes says. */
const BEEP_HZ = 1000;

/** design.md, section 6: picture and sound of a recording. */
const WIDEST_SKEW_MS = 40;

/** Who is in the field, and whose short messages the centre gets. */
const FIELD = 'wang-jianguo';
const FIELD_NAME = '王建国';
const PLACE = { latitude: 30.2171, longitude: 119.4105, accuracy: 6 };

interface House {
  tocsin: Tocsin;
  facts: Console;
  desk: DeskPage;
  phoneBrowser: Browser;
  phone: Baresip;
  smsc: SmscSimulator;
  tunnel: Tunnel;
}

test('a link by short message brings picture, sound and place from the field', { skip }, async (t) => {
  const smsc = await openSmscSimulator({ clock: systemClock, chance: systemChance });
  t.after(() => smsc[Symbol.asyncDispose]());
  const site = await siteFolder(
    t,
    (demo) => {
      givePhone(demo, 'zhao-guodong', '1005');
      for (const group of demo.groups ?? [])
        group.people = group.id === 'rescue-teams' ? [FIELD] : group.id === 'level-1-response' ? ['zhao-guodong'] : [];
      demo.planButtons = ['flood-level-1'];
    },
    [smsGateway(smsc.port, 20)],
  );
  const plans = await planFolder(t, {
    'flood-level-1': (plan) => {
      plan.steps = plan.steps.filter(({ id }) => ['incident', 'conference', 'video'].includes(id));
    },
  });
  const camera = await cameraFile(t);
  const [tocsin, deskBrowser, phoneBrowser] = await Promise.all([
    Tocsin.start(t, { TOCSIN_SITE: site, TOCSIN_PLANS: plans, TOCSIN_SIMULATORS: 'off' }),
    Browser.start(t, { microphoneHz: SEAT_HZ }),
    Browser.start(t, {
      microphoneHz: FIELD_HZ,
      camera,
      size: { width: 390, height: 844 },
      isPhone: true,
      location: PLACE,
    }),
  ]);
  await readyForBrowsers(tocsin);
  const tunnel = await Tunnel.open(t, tocsin.http);
  const phone = await Baresip.start(t, { user: '1005', server: tocsin.sip, toneHz: DESK_HZ });
  const facts = await Console.open(t, tocsin, 'lead');
  const desk = await DeskPage.open(t, tocsin, deskBrowser);
  const house: House = { tocsin, facts, desk, phoneBrowser, phone, smsc, tunnel };

  let page: Page | undefined;
  await t.test('one tap on the link, and the desk sees, hears and knows the place within seconds', async (t) => {
    page = await oneTap(t, house);
  });
  await t.test('the phone’s page loaded again, and its network lost and found, are told in words on both sides', (t) =>
    lostAndFound(t, house, page!),
  );
  await t.test('the feed ends by the dispatcher’s word; its recording has picture and sound', (t) =>
    endedFromDesk(t, house, page!),
  );
  await t.test('in a run with a conference the field phone hears a desk phone and is heard by it', async (t) => {
    page = await inConference(t, house);
  });
  await t.test('the recording has both streams, and flash and beep are together', (t) => inSync(t, house, page!));
  await t.test('a server killed in mid-recording leaves a file that plays, and the phone finds back by itself', (t) =>
    killed(t, house, page!),
  );
});

async function oneTap(t: TestContext, { desk, facts, smsc, phoneBrowser, tunnel }: House): Promise<Page> {
  const asked = await facts.command({ do: 'video.ask', targets: [{ person: FIELD }] });
  assert.ok(asked.ok);
  const [{ feed, link } = { feed: '', link: '' }] = (asked.value as { feeds: { feed: string; link: string }[] }).feeds;
  assert.equal(await linkByText(smsc, 0), link);

  const page = await phoneBrowser.open(tunnel.through(link), (prepared) => tunnel.leadMedia(prepared));
  await page.getByText('沈国华 请你回传现场').waitFor();
  await shoot(page, 'field-asked');
  await desk.reads('对方已打开链接');
  const tapped = performance.now();
  await page.getByRole('button', { name: '开始回传' }).tap();
  const picture = pictureOf(desk);
  await until('the desk shows a picture', async () => (await frames(picture)) > 0, 60_000);
  const firstPictureMs = performance.now() - tapped;

  const before = await frames(picture);
  const colours = new Set<string>();
  await until('the picture moves', async () => {
    colours.add(await colourOf(picture));
    return ['red', 'green', 'blue'].every((each) => colours.has(each));
  });
  t.diagnostic(
    `first picture ${Math.round(firstPictureMs)} ms after the tap, ${(await frames(picture)) - before} frames while the colours changed`,
  );
  assert.ok((await frames(picture)) - before > 10, 'frames are decoded');

  const [silent] = await listenInPage(desk.page, [FIELD_HZ], 1);
  assert.ok(silent! < AUDIBLE_IN_PAGE_DB, 'no sound until it is wanted');
  await desk.page.getByRole('button', { name: '开声音' }).click();
  await pageHears(desk.page, FIELD_HZ);
  const [sound] = await listenInPage(desk.page, [FIELD_HZ], 1);
  t.diagnostic(`the desk hears the field at ${sound} dB`);

  await desk.reads('±6 m');
  const { location } = (await until(
    'the place is known',
    () => facts.get('feeds', feed)?.location && facts.get('feeds', feed),
  ))!;
  assert.ok(
    Math.abs(location!.latitude - PLACE.latitude) < 1e-4 && Math.abs(location!.longitude - PLACE.longitude) < 1e-4,
  );
  await page.getByText('30.21710 N 119.41050 E').waitFor();
  await page.getByText('1 人在看').waitFor();
  await page.getByText('录像中').waitFor();
  await shoot(page, 'field-live');
  await shoot(desk.page, 'desk-video');
  return page;
}

async function lostAndFound(t: TestContext, { desk, tunnel }: House, page: Page): Promise<void> {
  await page.reload();
  await page.getByText('请你回传现场').waitFor();
  await desk.reads('现场手机失去联系');
  await page.getByRole('button', { name: '开始回传' }).tap();
  await moves(desk);

  const cutAt = performance.now();
  tunnel.cut();
  await page.getByText('连接中断，正在重连').waitFor();
  const phoneKnowsMs = performance.now() - cutAt;
  await shoot(page, 'field-lost');
  await desk.reads('现场手机失去联系');
  const deskKnowsMs = performance.now() - cutAt;
  await shoot(desk.page, 'desk-video-lost');
  const mendedAt = performance.now();
  tunnel.mend();
  await moves(desk);
  await page.getByText('网络好').waitFor();
  t.diagnostic(
    `lost: the phone says so after ${Math.round(phoneKnowsMs)} ms, the desk after ${Math.round(deskKnowsMs)} ms; ` +
      `back ${Math.round(performance.now() - mendedAt)} ms after the network`,
  );
}

async function endedFromDesk(t: TestContext, { tocsin, facts }: House, page: Page): Promise<void> {
  const feed = facts.all('feeds').find(({ state }) => state === 'live')!;
  await tocsin.command({ do: 'video.end', feed: feed.id });
  await page.getByText('中心结束了这次回传').waitFor();
  await shoot(page, 'field-ended');
  const parts = await until('the recording is on the timeline', async () => {
    const entries = await partsOf(tocsin, feed.id);
    return entries.length >= 2 && entries;
  });
  for (const part of parts) assert.deepEqual(await kindsIn(await fetchPart(t, tocsin, part)), ['audio', 'video']);
  await page.close();
}

async function inConference(t: TestContext, house: House): Promise<Page> {
  const { tocsin, desk, facts, smsc, phoneBrowser, phone, tunnel } = house;
  const texts = smsc.submits.length;
  const run = (await tocsin.post<{ id: string }>('/api/plans/flood-level-1/runs', {}, await tocsin.login('dispatcher')))
    .id;
  await phone.until('CALL_ESTABLISHED', 60_000);
  await phone.press('1');
  const conference = () => facts.all('conferences').find((each) => each.run === run);
  await until('the phone is in', () =>
    conference()?.participants.some(({ number, state }) => number === '1005' && state === 'in'),
  );

  const link = await linkByText(smsc, texts);
  const page = await phoneBrowser.open(tunnel.through(link), async (prepared) => {
    await tunnel.leadMedia(prepared);
    await prepared.addInitScript(FLASH_AND_BEEP);
    await prepared.addInitScript(AS_CAMERA);
  });
  await page.getByRole('button', { name: '开始回传' }).tap();
  await until('the field phone is in', () =>
    conference()?.participants.some(({ kind, state }) => kind === 'field' && state === 'in'),
  );
  await hears(phone, BEEP_HZ);
  await pageHears(page, DESK_HZ);
  await pageHears(page, SEAT_HZ);
  await page.getByText(`已接入会议 ${conference()!.number}`).waitFor();
  // The dispatcher's tone comes and goes, and each beginning of it is a click that has a little of every tone.
  await desk.press('m');
  await until('the dispatcher is muted', async () => {
    const [seat] = await listenInPage(page, [SEAT_HZ], 1);
    return seat! < AUDIBLE_IN_PAGE_DB;
  });
  const [desks, own] = await listenInPage(page, [DESK_HZ, BEEP_HZ], 3);
  t.diagnostic(`the field phone hears the desk phone at ${desks} dB, itself at ${own} dB`);
  assert.ok(own! < AUDIBLE_IN_PAGE_DB, 'the field phone does not hear itself');
  await desk.reads(`在会议 ${conference()!.number} 对讲`);
  await shoot(page, 'field-conference');
  await shoot(desk.page, 'desk-run-video');
  return page;
}

async function inSync(t: TestContext, { tocsin, facts }: House, page: Page): Promise<void> {
  const feed = facts.all('feeds').find(({ state }) => state === 'live')!;
  // Flashes come every 2 s.
  await pause(16_000);
  await page.reload();
  const [part] = await until('the part is on the timeline', async () => {
    const parts = await partsOf(tocsin, feed.id);
    return parts.length > 0 && parts;
  });
  const file = await fetchPart(t, tocsin, part!);
  assert.deepEqual(await kindsIn(file), ['audio', 'video']);
  judge(t, await skewsIn(file), 5);
}

async function killed(t: TestContext, { tocsin, facts, tunnel }: House, page: Page): Promise<void> {
  const feed = facts.all('feeds').find(({ state }) => state === 'lost' || state === 'opened' || state === 'live')!;
  await page.getByRole('button', { name: '开始回传' }).tap();
  await until('the feed is live again', () => facts.get('feeds', feed.id)?.state === 'live');
  await pause(9_000);
  const known = await partsOf(tocsin, feed.id);
  await tocsin.kill();
  await page.getByText('网络断').waitFor();
  facts.close();
  await tocsin.begin();
  await readyForBrowsers(tocsin);
  tunnel.leadTo(tocsin.http);
  const again = await Console.open(t, tocsin, 'lead');
  await until('the phone sends again', () => again.get('feeds', feed.id)?.state === 'live', 60_000);
  await page.getByText('网络好').waitFor();

  const parts = await until(
    'what the killed server recorded is on the timeline',
    async () => {
      const now = await partsOf(tocsin, feed.id);
      return now.length > known.length && now;
    },
    120_000,
  );
  const left = parts.at(-1)!;
  assert.equal((left.data['part'] as { isRecovered?: boolean }).isRecovered, true);
  const file = await fetchPart(t, tocsin, left);
  assert.deepEqual(await kindsIn(file), ['audio', 'video']);
  judge(t, await skewsIn(file), 3);
}

// --- measures ---

function judge(t: TestContext, { skews, flashes, beeps }: Awaited<ReturnType<typeof skewsIn>>, atLeast: number): void {
  const median = skews.toSorted((a, b) => a - b)[skews.length >> 1]!;
  t.diagnostic(`picture minus sound, ms: ${skews.join(' ')}; median ${median}`);
  assert.ok(skews.length >= atLeast, `flashes at ${flashes.join(' ')}, beeps at ${beeps.join(' ')}`);
  assert.ok(Math.abs(median) <= WIDEST_SKEW_MS, `apart by ${median} ms`);
}

/** The link in the short message that came after so many others. */
async function linkByText(smsc: SmscSimulator, after: number): Promise<string> {
  return await until('the link comes by short message', () => {
    const text = smsc.submits
      .slice(after)
      .map((submit) => submit.text)
      .join('');
    // It may end in the second of two parts: the whole token is waited for.
    return /https?:\/\/\S+\/field\/[\w-]{32}/.exec(text)?.[0];
  });
}

async function partsOf(tocsin: Tocsin, feed: string): Promise<TimelineEntry[]> {
  const entries = await tocsin.timeline({ kind: 'feed.recording-part-finished' });
  return entries.filter(({ data }) => data['feed'] === feed);
}

/** A part as the timeline's page would play it, by its hash. */
async function fetchPart(t: TestContext, tocsin: Tocsin, { blobs }: TimelineEntry): Promise<string> {
  const [blob] = blobs ?? [];
  assert.ok(blob, 'the entry has its file');
  const response = await tocsin.request('GET', `/api/recordings/${blob.sha256}`);
  assert.equal(response.status, 200);
  const file = join(await testFolder(t, 'part'), 'part.webm');
  await writeFile(file, Buffer.from(await response.arrayBuffer()));
  return file;
}

const pictureOf = (desk: DeskPage) => desk.page.getByRole('group', { name: FIELD_NAME }).locator('video');

type Picture = ReturnType<typeof pictureOf>;

/** How many frames the page has decoded; 0 while there is no picture. */
async function frames(picture: Picture): Promise<number> {
  if ((await picture.count()) === 0) return 0;
  return await picture.evaluate((video) => (video as never as HTMLVideo).getVideoPlaybackQuality().totalVideoFrames);
}

/** What the pixel in the middle of the picture is now. */
async function colourOf(picture: Picture): Promise<string> {
  if ((await picture.count()) === 0) return '';
  return await picture.evaluate((video) => {
    const { document } = globalThis as never as { document: { createElement(name: string): Canvas } };
    const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 });
    const drawing = canvas.getContext('2d');
    const { videoWidth, videoHeight } = video as never as HTMLVideo;
    if (!videoWidth) return '';
    drawing.drawImage(video, videoWidth / 2, videoHeight / 2, 1, 1, 0, 0, 1, 1);
    const { data } = drawing.getImageData(0, 0, 1, 1);
    const [red = 0, green = 0, blue = 0] = data;
    const most = Math.max(red, green, blue);
    return most < 60 ? 'dark' : most === red ? 'red' : most === green ? 'green' : 'blue';
  });
}

/** As far as the stories are compiled, there is no DOM. */
interface HTMLVideo {
  videoWidth: number;
  videoHeight: number;
  getVideoPlaybackQuality(): { totalVideoFrames: number };
}
interface Canvas {
  getContext(kind: '2d'): {
    drawImage(...of: unknown[]): void;
    getImageData(x: number, y: number, width: number, height: number): { data: Uint8ClampedArray };
  };
}

/** Waits until the desk's picture changes its colour. */
async function moves(desk: DeskPage): Promise<void> {
  const colours = new Set<string>();
  await until(
    'the desk’s picture moves',
    async () => {
      const now = await colourOf(pictureOf(desk));
      if (now !== '') colours.add(now);
      return colours.size > 1;
    },
    60_000,
  );
}

/** Red, green and blue for a second each, as a camera. */
async function cameraFile(t: TestContext): Promise<string> {
  const file = join(await testFolder(t, 'camera'), 'camera.y4m');
  const colours = ['red', 'lime', 'blue'];
  const sources = colours.map((colour, i) => `color=${colour}:s=320x240:r=15:d=1[c${i}]`).join(';');
  const all = colours.map((_, i) => `[c${i}]`).join('');
  const filter = `${sources};${all}concat=n=${colours.length},format=yuv420p[out]`;
  await promisify(execFile)(ffmpeg, ['-v', 'error', '-y', '-filter_complex', filter, '-map', '[out]', file]);
  return file;
}

/** The page's camera and microphone are the flashing canvas and its beep. */
const AS_CAMERA = `
{
  let made;
  navigator.mediaDevices.getUserMedia = async ({ audio, video }) => {
    made ??= flashAndBeep();
    return new MediaStream([...(video ? [made.video] : []), ...(audio ? [made.audio] : [])]);
  };
}
`;
