import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { Page } from 'playwright-core';
import { readWav, toMono } from '@tocsin/server/media';
import { Baresip } from './kit/baresip.ts';
import { Browser, noBrowser, readyForBrowsers, shoot } from './kit/browser.ts';
import { Console } from './kit/console.ts';
import { DeskPage } from './kit/desk-page.ts';
import { AUDIBLE_IN_PAGE_DB, listenInPage, pageHears } from './kit/ears.ts';
import { givePhone, siteFolder } from './kit/own-site.ts';
import { JSSIP, SIP_JS } from './kit/page-phones.ts';
import { pageScript } from './kit/page-script.ts';
import { loudestToneDb, type Heard } from './kit/sound.ts';
import { Tocsin } from './kit/tocsin.ts';
import { AUDIBLE_DB, hears } from './kit/two-phones.ts';
import { pause, until } from './kit/wait.ts';

/** What each says. */
const SEAT_HZ = 1000;
const DESK_HZ = 1800;
const OTHER_HZ = 2450;
/** Notes of the music that a held party hears. */
const MUSIC_HZ = [392, 440, 523, 587, 330];

const DISPATCHER = '1003';
/** Who has which phone: the dispatcher the one in his browser. */
const PHONES = { 'zhao-guodong': '1005', 'zhang-haiyan': '1006' };

test(
  'a dispatcher telephones, confers and speaks on the radio by the phone in his browser',
  { skip: noBrowser },
  async (t) => {
    const site = await siteFolder(t, (demo) => {
      for (const [person, account] of Object.entries(PHONES)) givePhone(demo, person, account);
      for (const group of demo.groups ?? []) group.people = Object.keys(PHONES);
      demo.planButtons = ['flood-level-1'];
    });
    const tocsin = await Tocsin.start(t, { TOCSIN_SITE: site, TOCSIN_SIMULATORS: 'on' });
    const browser = await Browser.start(t, { microphoneHz: SEAT_HZ });
    const [phone, other] = await Promise.all([
      Baresip.start(t, { user: '1005', server: tocsin.sip, toneHz: DESK_HZ, answer: 'manual' }),
      Baresip.start(t, { user: '1006', server: tocsin.sip, toneHz: OTHER_HZ }),
      readyForBrowsers(tocsin),
    ]);
    const facts = await Console.open(t, tocsin, 'lead');
    const desk = await DeskPage.open(t, tocsin, browser);

    await t.test('the phone in the page is ready as soon as he has logged in', async () => {
      await desk.reads('话机就绪');
      await shoot(desk.page, 'desk-quiet');
    });
    await t.test('he calls a desk phone by its number; both hear each other, hold each other and send digits', (t) =>
      callOut(t, tocsin, desk, phone),
    );
    await t.test('a desk phone calls him; he answers by F2, and the phone that called hangs up', (t) =>
      calledIn(t, desk, phone),
    );
    await t.test(
      'he holds the plan’s button for 1.2 s: his phone answers by itself and he is the chair of the conference',
      (t) => startsPlan(t, desk, phone, other, facts),
    );
    await t.test('holding the right Ctrl he has the floor of the radio channel, until he lets go', (t) =>
      speaksOnRadio(t, desk, tocsin, facts),
    );
    for (const { client, source, account } of CLIENTS)
      await t.test(`a page that has only ${client} in it registers, calls and is called`, (t) =>
        otherClient(t, { browser, tocsin, phone: other, source, account }),
      );
  },
);

async function callOut(t: TestContext, tocsin: Tocsin, desk: DeskPage, phone: Baresip): Promise<void> {
  const { page } = desk;
  const before = phone.events.length;
  await desk.dial('1005');
  await phone.until('CALL_INCOMING', 20_000, before);
  await desk.reads(/^振铃/);
  await phone.command('accept');
  await phone.until('CALL_ESTABLISHED', 20_000, before);
  await bothHear(t, page, phone, DESK_HZ);

  await desk.press('F8');
  await phoneBarReads(desk, '取回');
  const held = await heardFromNow(phone, 4);
  t.diagnostic(`held by the page, the phone hears music at ${held.music} dB, the holder at ${held.seat} dB`);
  assert.ok(held.music > AUDIBLE_DB - 10, 'held, one hears music');
  assert.ok(held.seat < AUDIBLE_DB - 15, 'held, one does not hear the holder');
  await desk.press('F8');
  await until('the phone hears the page again', async () => (await heardFromNow(phone, 1)).seat > AUDIBLE_DB - 10);
  await pageHears(page, DESK_HZ);

  await phone.press('7');
  const digits = phone.events.length;
  await page.getByRole('button', { name: '拨号盘' }).click();
  for (const digit of ['5', '#'])
    await page.getByRole('group', { name: '拨号盘' }).getByRole('button', { name: digit, exact: true }).click();
  await until('the digits reach the phone', () => {
    const keys = phone.events.slice(digits).filter(({ type }) => type === 'CALL_DTMF_START');
    return keys.map(({ param }) => param).join('') === '5#';
  });
  await desk.press('Escape');

  await phone.command('hold');
  await until('the page hears music', async () => {
    const levels = await listenInPage(page, [...MUSIC_HZ, DESK_HZ], 1);
    return Math.max(...levels.slice(0, -1)) > AUDIBLE_IN_PAGE_DB && levels.at(-1)! < AUDIBLE_IN_PAGE_DB;
  });
  const [holder, ...music] = await listenInPage(page, [DESK_HZ, ...MUSIC_HZ], 3);
  t.diagnostic(`held by the phone, the page hears music at ${Math.max(...music)} dB, the holder at ${holder} dB`);
  assert.ok(holder! < AUDIBLE_IN_PAGE_DB, 'held, one does not hear the holder');
  await phone.command('resume');
  await pageHears(page, DESK_HZ);
  // After a re-INVITE of its own baresip writes down no more of what it hears: the recording of the call tells.
  await pause(2_000);
  await desk.press('F4');
  await phone.until('CALL_CLOSED', 20_000, before);
  await phoneBarReads(desk, '话机空闲');
  const recorded = await recordingOf(tocsin);
  const endS = recorded.samples.length / recorded.rateHz;
  const [seat, other] = [SEAT_HZ, DESK_HZ].map((hz) => loudestToneDb(recorded, hz, endS - 2));
  t.diagnostic(`the last 2 s of the recording: the page at ${seat!.toFixed()} dB, the phone at ${other!.toFixed()} dB`);
  assert.ok(seat! > AUDIBLE_DB && other! > AUDIBLE_DB, 'after the hold both are heard again');
}

async function calledIn(t: TestContext, desk: DeskPage, phone: Baresip): Promise<void> {
  for (const answers of ['F2', 'button']) {
    const before = phone.events.length;
    await phone.dial(DISPATCHER);
    await desk.reads(/^来电/);
    if (answers === 'F2') await desk.press('F2');
    else await desk.phoneBar.getByRole('button', { name: /接听/ }).click();
    await phone.until('CALL_ESTABLISHED', 20_000, before);
    await bothHear(t, desk.page, phone, DESK_HZ);
    await phone.command('hangup');
    await phone.until('CALL_CLOSED', 20_000, before);
    await phoneBarReads(desk, '话机空闲');
  }
}

async function startsPlan(
  t: TestContext,
  desk: DeskPage,
  phone: Baresip,
  other: Baresip,
  facts: Console,
): Promise<void> {
  const { page } = desk;
  const seen = [phone.events.length, other.events.length] as const;
  const button = page.getByRole('button', { name: /^一级防汛响应/ });
  const box = (await button.boundingBox())!;
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.down();
  await page.getByText(/继续按住/).waitFor();
  await shoot(page, 'desk-holding');
  const run = await until('the plan runs', () => facts.all('runs').find(({ state }) => state === 'running'));
  await page.mouse.up();

  const conference = () => facts.all('conferences').find((each) => each.run === run.id);
  const chair = await until('his phone is in', () =>
    conference()?.participants.find(({ number, state }) => number === DISPATCHER && state === 'in'),
  );
  assert.equal(chair.isChair, true);
  await phone.until('CALL_INCOMING', 20_000, seen[0]);
  await phone.command('accept');
  for (const [index, each] of [phone, other].entries()) {
    await each.until('CALL_ESTABLISHED', 20_000, seen[index]);
    await each.press('1');
  }
  await until(
    'all are in',
    () => conference()?.participants.filter(({ state, kind }) => state === 'in' && kind !== 'channel').length === 3,
    60_000,
  );
  await pageHears(page, DESK_HZ);
  await pageHears(page, OTHER_HZ);
  await hears(phone, SEAT_HZ);
  await hears(other, SEAT_HZ);
  await phoneBarReads(desk, '主席');
  // The meter of whoever speaks moves.
  await page.locator('.meter .on').first().waitFor();
  await shoot(page, 'desk-conference');
}

async function speaksOnRadio(t: TestContext, desk: DeskPage, tocsin: Tocsin, facts: Console): Promise<void> {
  const channel = () => facts.get('channels', 'vhf-1');
  await until('the channel is patched', () => channel()?.conference);
  await desk.page.keyboard.down('ControlRight');
  const speaking = await until('the channel transmits', () => {
    const now = channel();
    return now?.state === 'transmitting' && now;
  });
  assert.deepEqual([speaking.talker, speaking.holder], ['周明', 'dispatcher']);
  await phoneBarReads(desk, '发射中');
  await shoot(desk.page, 'desk-on-air');
  await desk.page.keyboard.up('ControlRight');
  await until('the channel is free', () => channel()?.state === 'idle');
  await phoneBarReads(desk, '按住讲话');
  const told = (await tocsin.timeline({ kind: 'channel.' })).filter(({ kind }) => kind.startsWith('channel.floor'));
  assert.deepEqual(
    told.map(({ kind, actor }) => [kind, actor]),
    [
      ['channel.floor-granted', 'dispatcher'],
      ['channel.floor-released', 'dispatcher'],
    ],
  );

  await desk.press('F4');
  await until('the conference goes on without him', () =>
    facts.all('conferences').some(({ participants }) => {
      const states = participants.filter(({ number }) => number === DISPATCHER).map(({ state }) => state);
      return states.length === 1 && states[0] === 'left';
    }),
  );
  const run = facts.all('runs').find(({ state }) => state === 'running')!;
  await tocsin.command({ do: 'run.stop', run: run.id, note: 'story' });
  await until('the plan is stopped', () => facts.get('runs', run.id)?.state !== 'running');
  await until('the channel is on its own', () => channel()?.conference === undefined);

  // Without a conference his phone is called and answers by itself, beside whatever he talks.
  await desk.page.keyboard.down('ControlRight');
  await until('the channel transmits', () => channel()?.holder === 'dispatcher');
  await phoneBarReads(desk, '发射中');
  await desk.page.keyboard.up('ControlRight');
  await until('the channel is free', () => channel()?.state === 'idle');
}

// --- other clients ---

const CLIENTS = [
  { client: 'sip.js', account: '1007', source: SIP_JS },
  { client: 'JsSIP', account: '1008', source: JSSIP },
];

async function otherClient(
  t: TestContext,
  {
    browser,
    tocsin,
    phone,
    source,
    account,
  }: { browser: Browser; tocsin: Tocsin; phone: Baresip; source: string; account: string },
): Promise<void> {
  const page = await browser.openScript(await pageScript(source));
  const telephone = (call: string) => page.evaluate(`telephone.${call}`);
  const server = `${tocsin.http.replace('http', 'ws')}/sip`;
  await telephone(`register(${JSON.stringify({ server, account, password: 'tocsin-demo' })})`);

  for (const caller of ['page', 'phone']) {
    const before = phone.events.length;
    if (caller === 'page') await telephone(`call('${phone.options.user}')`);
    else await phone.dial(account);
    await phone.until('CALL_ESTABLISHED', 20_000, before);
    await bothHear(t, page, phone, OTHER_HZ);
    if (caller === 'page') await telephone('hangUp()');
    else await phone.command('hangup');
    await phone.until('CALL_CLOSED', 20_000, before);
    await until('the page’s call has ended', async () => (await telephone('state()')) === 'Terminated');
  }
  await page.close();
}

// --- ears ---

async function bothHear(t: TestContext, page: Page, phone: Baresip, phoneHz: number): Promise<void> {
  await pageHears(page, phoneHz);
  await hears(phone, SEAT_HZ);
  const [[there, own], heard] = await Promise.all([listenInPage(page, [phoneHz, SEAT_HZ], 1), phone.heard()]);
  t.diagnostic(
    `the page hears the phone at ${there} dB, itself at ${own} dB; ` +
      `the phone hears the page at ${loudestToneDb(heard, SEAT_HZ).toFixed()} dB, itself at ${loudestToneDb(heard, phoneHz).toFixed()} dB`,
  );
  assert.ok(own! < AUDIBLE_IN_PAGE_DB, 'the page does not hear itself');
  assert.ok(loudestToneDb(heard, phoneHz) < AUDIBLE_DB, 'the phone does not hear itself');
}

/** The loudest of music and of the dispatcher in what a phone hears in the seconds that come now. */
async function heardFromNow(phone: Baresip, seconds: number): Promise<{ music: number; seat: number }> {
  const { samples, rateHz } = await phone.heard();
  const fromS = samples.length / rateHz;
  const heard = await until('the phone hears on', async () => {
    const now = await phone.heard();
    return now.samples.length / rateHz >= fromS + seconds && now;
  });
  const loudest = (hz: number) => Math.round(loudestToneDb(heard, hz, fromS));
  return { music: Math.max(...MUSIC_HZ.map(loudest)), seat: loudest(SEAT_HZ) };
}

/** The newest recording that is closed. */
async function recordingOf(tocsin: Tocsin): Promise<Heard> {
  const entry = await until('the call’s recording is closed', async () =>
    (await tocsin.timeline({ kind: 'recording.closed' })).at(-1),
  );
  const response = await tocsin.request('GET', `/api/recordings/${entry.blobs![0]!.sha256}`);
  const read = readWav(Buffer.from(await response.arrayBuffer()));
  if (read.kind === 'refused') throw new Error(read.why);
  return { rateHz: read.sound.rateHz, samples: toMono(read.sound) };
}

async function phoneBarReads(desk: DeskPage, words: string): Promise<void> {
  await desk.phoneBar.getByText(words).filter({ visible: true }).first().waitFor();
}
