import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { cannotRun, openBrowser, readySfu } from './test-browser.ts';
import { openEngine } from './test-engine.ts';

const skip = cannotRun();

test(
  'a browser phone and the engine hear each other, with digits, hold and a new network path',
  { skip, timeout: 60_000 },
  async (t) => {
    const [sfu, browser, engine] = await Promise.all([readySfu(t), openBrowser(t), openEngine(t)]);
    const page = await browser.openPage();
    const leg = await sfu.openAudioLeg({ engine });
    const agreed = await leg.acceptOffer(await browserOffers(page), { like: 'pcma' });
    assert(agreed.kind === 'agreed', JSON.stringify(agreed));
    assert.deepEqual(
      [agreed.codec, agreed.payloadType, agreed.telephoneEventPayloadType, agreed.direction],
      ['pcma', 8, 126, 'sendrecv'],
    );
    engine.say(440, agreed.plain);
    await takeAnswer(page, agreed.answer);

    await t.test('a tone goes both ways', async () => {
      await until(() => engine.heard.length > 100 && engine.share(1000) > 0.9);
      assert.equal(leg.state, 'connected');
      await browserHears(page, 440);
      const { packetsFromBrowser, packetsToBrowser } = await leg.statistics();
      assert(packetsFromBrowser > 50 && packetsToBrowser > 50);
    });

    await t.test('a digit arrives as telephone-events, and so does one to the browser', async () => {
      const before = engine.heard.length;
      await page.evaluate(() => (globalThis as any).sender.dtmf.insertDTMF('5', 160, 70));
      const digits = () => engine.heard.slice(before).filter(({ payloadType }) => payloadType === 126);
      await until(() => digits().filter(({ payload }) => payload[1]! & 0x80).length >= 3);
      assert.equal(digits()[0]!.hasMarker, true);
      assert.deepEqual([...new Set(digits().map(({ payload }) => payload[0]))], [5]);
      assert.equal(new Set(digits().map(({ timestamp }) => timestamp)).size, 1);
      assert.equal(digits().at(-1)!.payload.readUInt16BE(2), 1280);
      engine.hush();
      // The browser plays a digit as its two tones: 770 and 1336 Hz. A long one, since ears need a while.
      engine.pressDigit(5, 126, agreed.plain, 100);
      await browserHears(page, 770, 1336);
      engine.say(440, agreed.plain);
    });

    await t.test('hold by the browser stops what it hears, and resuming brings it back', async () => {
      const held = await leg.acceptOffer(await browserOffers(page, { direction: 'sendonly' }));
      assert(held.kind === 'agreed');
      assert.deepEqual([held.direction, held.theirDirection], ['recvonly', 'sendonly']);
      await takeAnswer(page, held.answer);
      await browserHears(page);
      const silent = await leg.acceptOffer(await browserOffers(page, { direction: 'inactive' }));
      assert(silent.kind === 'agreed' && silent.direction === 'inactive');
      await takeAnswer(page, silent.answer);
      await until(() => performance.now() - engine.heard.at(-1)!.atMs > 500);
      const back = await leg.acceptOffer(await browserOffers(page, { direction: 'sendrecv' }));
      assert(back.kind === 'agreed');
      await takeAnswer(page, back.answer);
      await browserHears(page, 440);
      await until(() => performance.now() - engine.heard.at(-1)!.atMs < 100);
    });

    await t.test('hold from our side is an offer, and the browser’s answer decides', async () => {
      const offer = await leg.makeOffer({ direction: 'inactive' });
      const held = await leg.acceptAnswer(await browserAnswers(page, offer));
      assert(held.kind === 'agreed' && held.direction === 'inactive');
      await until(() => performance.now() - engine.heard.at(-1)!.atMs > 500);
      const resumed = await leg.acceptAnswer(await browserAnswers(page, await leg.makeOffer()));
      assert(resumed.kind === 'agreed' && resumed.direction === 'sendrecv');
      await browserHears(page, 440);
    });

    await t.test('an ICE restart keeps the sound', async () => {
      const again = await leg.acceptOffer(await browserOffers(page, { iceRestart: true }));
      assert(again.kind === 'agreed');
      assert.notEqual(ufrag(again.answer), ufrag(agreed.answer));
      await takeAnswer(page, again.answer);
      const before = engine.heard.length;
      await until(() => engine.heard.length > before + 50);
      assert.equal(leg.state, 'connected');
      await browserHears(page, 440);
    });

    await t.test('a page that goes away ends the leg at once', async () => {
      const gone = new Promise((resolve) => leg.on('closed', resolve));
      await page.goto('about:blank');
      assert.equal(await gone, 'browser-left');
    });
  },
);

test('a call to a browser begins with our offer', { skip, timeout: 60_000 }, async (t) => {
  const [sfu, browser, engine] = await Promise.all([readySfu(t), openBrowser(t), openEngine(t)]);
  const page = await browser.openPage();
  const leg = await sfu.openAudioLeg({ engine });
  const agreed = await leg.acceptAnswer(await browserAnswers(page, await leg.makeOffer({ codec: 'pcma' })));
  assert(agreed.kind === 'agreed', JSON.stringify(agreed));
  engine.say(600, agreed.plain);
  await until(() => engine.heard.length > 50 && engine.share(1000) > 0.9);
  await browserHears(page, 600);
  const before = engine.heard.length;
  await page.evaluate(() => (globalThis as any).sender.dtmf.insertDTMF('#', 100, 70));
  await until(() =>
    engine.heard.slice(before).some(({ payload, payloadType }) => payloadType === 126 && payload[0] === 11),
  );
});

test(
  'a browser phone speaks Opus where nothing else is wanted, and its digits come by',
  { skip, timeout: 60_000 },
  async (t) => {
    const [sfu, browser, engine] = await Promise.all([readySfu(t), openBrowser(t), openEngine(t)]);
    const page = await browser.openPage();
    const leg = await sfu.openAudioLeg({ engine });
    const agreed = await leg.acceptOffer(await browserOffers(page));
    assert(agreed.kind === 'agreed', JSON.stringify(agreed));
    assert.deepEqual([agreed.codec, agreed.payloadType, agreed.telephoneEventPayloadType], ['opus', 111, 126]);
    await takeAnswer(page, agreed.answer);
    const sound = () => engine.heard.filter(({ payloadType }) => payloadType === 111);
    await until(() => sound().length > 50);
    const steps = new Set(sound().map(({ timestamp }, i, all) => (i === 0 ? 960 : timestamp - all[i - 1]!.timestamp)));
    assert.deepEqual([...steps], [960], '20 ms of 48 kHz a packet');
    await page.evaluate(() => (globalThis as any).sender.dtmf.insertDTMF('7', 160, 70));
    const digits = () => engine.heard.filter(({ payloadType }) => payloadType === 126);
    await until(() => digits().filter(({ payload }) => payload[1]! & 0x80).length >= 3);
    assert.deepEqual([...new Set(digits().map(({ payload }) => payload[0]))], [7]);
  },
);

const onLinux = process.platform === 'linux' ? false : 'freezing a browser needs Linux';
test(
  'a frozen browser is lost, and when it thaws it is back by itself',
  { skip: skip || onLinux, timeout: 60_000 },
  async (t) => {
    const [sfu, engine] = await Promise.all([readySfu(t), openEngine(t)]);
    const browser = await openBrowser(t);
    const page = await browser.openPage();
    const leg = await sfu.openAudioLeg({ engine });
    const agreed = await leg.acceptOffer(await browserOffers(page), { like: 'pcma' });
    assert(agreed.kind === 'agreed');
    engine.say(440, agreed.plain);
    await takeAnswer(page, agreed.answer);
    await until(() => leg.state === 'connected');
    const lost = new Promise<void>((resolve) => leg.on('lost', resolve));
    const back = new Promise<void>((resolve) => leg.on('back', resolve));
    browser.freeze(true);
    await lost;
    assert.equal(leg.state, 'lost');
    browser.freeze(false);
    await back;
    await browserHears(page, 440);
  },
);

test('a worker that dies takes its legs with it and another takes its place', { skip, timeout: 60_000 }, async (t) => {
  const [sfu, engine] = await Promise.all([readySfu(t), openEngine(t)]);
  const leg = await sfu.openAudioLeg({ engine });
  await leg.makeOffer();
  const ended = new Promise((resolve) => leg.on('closed', resolve));
  const died = new Promise<void>((resolve) => sfu.on('worker-died', resolve));
  const ready = new Promise<void>((resolve) => sfu.on('state', ({ kind }) => kind === 'ready' && resolve()));
  const { worker } = (await sfu.snapshot()) as { worker: { pid: number } };
  process.kill(worker.pid, 'SIGKILL');
  await died;
  assert.equal(await ended, 'worker-died');
  await assert.rejects(sfu.openAudioLeg({ engine }), { code: 'WEBRTC_UNAVAILABLE' });
  await ready;
  const next = await sfu.openAudioLeg({ engine });
  assert.match(await next.makeOffer(), /^m=audio /m);
});

const ufrag = (sdp: string) => /a=ice-ufrag:(\S+)/.exec(sdp)?.[1];

/** The page's offer, with every candidate in it, as sip.js sends it. The page says 1000 Hz. */
function browserOffers(page: Page, options: { direction?: string; iceRestart?: boolean } = {}): Promise<string> {
  return page.evaluate(async ({ direction, iceRestart }) => {
    const page = globalThis as any;
    const connection = (page.connection ??= new page.RTCPeerConnection());
    connection.ontrack ??= ({ track }: any) => (page.ears ??= page.kit.ears(new page.MediaStream([track])));
    if (!page.sender) page.sender = connection.addTrack(page.kit.tone(1000).getTracks()[0]);
    if (direction) connection.getTransceivers()[0].direction = direction;
    await connection.setLocalDescription(await connection.createOffer({ iceRestart }));
    await page.kit.until(() => connection.iceGatheringState === 'complete');
    return connection.localDescription.sdp;
  }, options);
}

function takeAnswer(page: Page, sdp: string): Promise<void> {
  return page.evaluate((sdp) => (globalThis as any).connection.setRemoteDescription({ type: 'answer', sdp }), sdp);
}

function browserAnswers(page: Page, offer: string): Promise<string> {
  return page.evaluate(async (sdp) => {
    const page = globalThis as any;
    const connection = (page.connection ??= new page.RTCPeerConnection());
    connection.ontrack ??= ({ track }: any) => (page.ears ??= page.kit.ears(new page.MediaStream([track])));
    await connection.setRemoteDescription({ type: 'offer', sdp });
    if (!page.sender) page.sender = connection.addTrack(page.kit.tone(1000).getTracks()[0]);
    await connection.setLocalDescription(await connection.createAnswer());
    await page.kit.until(() => connection.iceGatheringState === 'complete');
    return connection.localDescription.sdp;
  }, offer);
}

/** Waits until the page hears this tone, or one of these; without any, until it hears nothing. */
async function browserHears(page: Page, ...tones: number[]): Promise<void> {
  await page.evaluate(async (wanted) => {
    const page = globalThis as any;
    await page.kit.until(() => {
      const { hz, db } = page.ears.loudest();
      return wanted.length === 0 ? db < -70 : db > -50 && wanted.some((each) => Math.abs(hz - each) < 15);
    });
  }, tones);
}

async function until(check: () => boolean, ms = 10_000): Promise<void> {
  const end = performance.now() + ms;
  while (!check()) {
    assert(performance.now() < end, `waited in vain for ${String(check)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
