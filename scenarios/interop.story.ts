import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { testCertificates } from '../server/src/sip/transport/test-certificates.ts';
import type { TrunkView } from '@tocsin/protocol/views.ts';
import { Baresip } from './kit/baresip.ts';
import { Browser, noBrowser, readyForBrowsers } from './kit/browser.ts';
import { farEnd } from './kit/far-end.ts';
import { testFolder } from './kit/gateways.ts';
import { Kamailio } from './kit/kamailio.ts';
import { Linphone } from './kit/linphone.ts';
import { OwnPhone } from './kit/own-phone.ts';
import { siteFolder } from './kit/own-site.ts';
import { JSSIP, SIP_JS } from './kit/page-phones.ts';
import { pageScript } from './kit/page-script.ts';
import { freePort } from './kit/ports.ts';
import { scriptedCaller } from './kit/sipp-call.ts';
import { Tocsin } from './kit/tocsin.ts';
import { triedBaresip, triedLinphone, triedPage, type TriedPhone } from './kit/tried-phone.ts';
import { until } from './kit/wait.ts';

/** What everyone says; a partner and a third are there for each row. */
const PEER_HZ = 1000;
const PARTNER_HZ = 1800;
const THIRD_HZ = 2450;
/** What a trunk's far end says before it answers, and for how long. */
const EARLY_HZ = 600;
const EARLY_MS = 8000;

/** What every peer is put through. `✓` in the table: done and heard at every ear. */
const ACTS = [
  ...(['register', 'calls', 'keys', 'holds', 'is held'] as const),
  ...(['is called', 'hands on', 'joins', 'hears early', 'is lost', 'long call'] as const),
];
type Act = (typeof ACTS)[number];

/** RFC 4028: the least interval there is; the session is refreshed at half of it. */
const SESSION_EXPIRES_S = 90;
const REFRESHED_WITHIN_MS = 120_000;

interface House {
  tocsin: Tocsin;
  tlsPort: number;
  /** Of rows by their place. */
  early: Map<number, Early>;
  certificates: { authority: string; own: string };
  /** The address of a proxy before the house. */
  edge: () => Promise<string>;
  browser: () => Promise<Browser>;
}

/** A trunk whose far end is heard before it answers. */
interface Early {
  trunk: string;
  /** What one dials to get there. */
  number: string;
  port: number;
  ended: Promise<number | null>;
}

interface Row {
  peer: string;
  transport: 'UDP' | 'TCP' | 'TLS' | 'WSS' | 'UDP by Kamailio' | 'TCP by Kamailio';
  /** Absent: it is no telephone, and `longCall` is all that it is put through. */
  start?: (t: TestContext, house: House, user: string) => Promise<TriedPhone>;
  /** It is a browser: what a trunk says before it answers comes to it by the way of pictures. */
  isBrowser?: true;
  /** A call of a second one of its kind that outlives a refresh of the session. Absent: it knows no session timers. */
  longCall?: (t: TestContext, house: House, numbers: Numbers, done: Set<Act>) => Promise<void>;
  skip?: string | false;
}

const baresip =
  (transport: 'udp' | 'tcp' | 'tls', proxy?: string) =>
  async (t: TestContext, { tocsin, tlsPort, certificates }: House, user: string) => {
    const way = transport === 'tls' ? { server: `127.0.0.1:${tlsPort}`, certificates } : { server: tocsin.sip };
    return triedBaresip(
      await Baresip.start(t, { user, transport, toneHz: PEER_HZ, ...way, ...(proxy ? { proxy } : {}) }),
    );
  };

const linphone =
  (transport: 'udp' | 'tcp' | 'tls', proxy?: string) =>
  async (t: TestContext, { tocsin, tlsPort, certificates }: House, user: string) => {
    // It looks for names in certificates, not for addresses.
    const server = transport === 'tls' ? `localhost:${tlsPort}` : tocsin.sip;
    const { authority } = certificates;
    const way = { transport, server, authority, ...(proxy ? { proxy } : {}) };
    return triedLinphone(await Linphone.start(t, { user, toneHz: PEER_HZ, ...way }));
  };

/** Behind a proxy that stays in the way of every call. */
const behind =
  (start: typeof baresip | typeof linphone, transport: 'udp' | 'tcp') =>
  async (t: TestContext, house: House, user: string) =>
    await start(transport, await house.edge())(t, house, user);

const page = (source: string) => async (_t: TestContext, house: House, user: string) => {
  const opened = await (await house.browser()).openScript(await pageScript(source));
  return await triedPage(opened, { user, toneHz: PEER_HZ, server: `${house.tocsin.http.replace('http', 'ws')}/sip` });
};

const ALL_ROWS: Row[] = [
  { peer: 'baresip', transport: 'UDP', start: baresip('udp') },
  { peer: 'baresip', transport: 'TCP', start: baresip('tcp') },
  { peer: 'baresip', transport: 'TLS', start: baresip('tls') },
  { peer: 'linphone', transport: 'UDP', start: linphone('udp'), longCall: linphoneRefreshes },
  { peer: 'linphone', transport: 'TCP', start: linphone('tcp') },
  { peer: 'linphone', transport: 'TLS', start: linphone('tls') },
  { peer: 'baresip', transport: 'UDP by Kamailio', start: behind(baresip, 'udp') },
  { peer: 'linphone', transport: 'TCP by Kamailio', start: behind(linphone, 'tcp') },
  { peer: 'sip.js', transport: 'WSS', start: page(SIP_JS), isBrowser: true, skip: noBrowser },
  { peer: 'JsSIP', transport: 'WSS', start: page(JSSIP), isBrowser: true, longCall: pageRefreshes, skip: noBrowser },
  { peer: 'SIPp', transport: 'UDP', longCall: sippRefreshes('udp') },
  { peer: 'SIPp', transport: 'TCP', longCall: sippRefreshes('tcp') },
];

/** `INTEROP=linphone` tries those rows alone whose name has it. */
const ROWS = ALL_ROWS.filter((row) => nameOf(row).includes(process.env['INTEROP'] ?? ''));

test(
  'phones that nobody here wrote register, call, hold, hand on and are lost, over every transport they have',
  { skip: !testCertificates && 'openssl is not installed', concurrency: true },
  async (t) => {
    const house = await openHouse(t);
    const done = await Promise.all(
      ROWS.map(async (row, index) => {
        const acts = new Set<Act>();
        const skip = { skip: row.skip ?? false };
        const { start, longCall } = row;
        await Promise.all([
          start &&
            t.test(nameOf(row), skip, async (t) => {
              const begin = (user: string) => start(t, house, user);
              const early = house.early.get(index);
              await tryAll(t, house, { name: nameOf(row), begin, early, ...numbersOf(index) }, acts);
            }),
          longCall &&
            t.test(`${nameOf(row)}: a long call is refreshed`, skip, async (t) => {
              await longCall(t, house, numbersOf(index, 5), acts);
              acts.add('long call');
            }),
        ]);
        return acts;
      }),
    );
    t.diagnostic(matrix(done));
  },
);

function nameOf({ peer, transport }: Row): string {
  return `${peer} over ${transport}`;
}

async function openHouse(t: TestContext): Promise<House> {
  const { ca, cert, key } = testCertificates!;
  // The server's pages are under the same certificate.
  setDefaultCACertificates([...getCACertificates('default'), ca]);
  const folder = await testFolder(t, 'certificates');
  await mkdir(folder, { recursive: true });
  const file = async (name: string, text: string) => {
    await writeFile(join(folder, name), text);
    return join(folder, name);
  };
  const tlsPort = await freePort();
  const early = new Map<number, Early>();
  for (const [index, { isBrowser, skip }] of ROWS.entries()) {
    if (!isBrowser || skip) continue;
    const far = await farEnd(t, { earlyToneHz: EARLY_HZ, earlyMs: EARLY_MS });
    early.set(index, { trunk: `far-${index}`, number: `9${index}13800002222`, ...far });
  }
  const site = await siteFolder(t, (demo) => {
    demo.trunks = [...early].map(([index, { trunk, port }]) => ({
      id: trunk,
      name: { zh: trunk },
      send: { prefix: `9${index}`, host: '127.0.0.1', port },
    }));
    const users = ROWS.flatMap((_, index) => [numbersOf(index), numbersOf(index, 5)]).flatMap((each) => [
      ...[each.user, each.partner, each.third],
    ]);
    demo.accounts = [
      ...(demo.accounts ?? []),
      ...users.map((user) => ({ user, password: 'tocsin-demo', kind: 'phone' as const })),
    ];
  });
  const tocsin = await Tocsin.start(t, {
    TOCSIN_SITE: site,
    TOCSIN_SIMULATORS: 'off',
    TOCSIN_SIP_TLS_PORT: String(tlsPort),
    TOCSIN_CERTIFICATE: await file('cert.pem', cert),
    TOCSIN_KEY: await file('key.pem', key),
  });
  let browser: Promise<Browser> | undefined;
  let edge: Promise<Kamailio> | undefined;
  return {
    tocsin,
    tlsPort,
    early,
    certificates: { authority: await file('ca.pem', ca), own: await file('both.pem', cert + key) },
    edge: async () => (await (edge ??= Kamailio.edge(t, { registrar: tocsin.sip }))).address,
    browser: () =>
      (browser ??= readyForBrowsers(tocsin).then(() => Browser.start(t, { microphoneHz: PEER_HZ, isTrusting: true }))),
  };
}

interface Numbers {
  user: string;
  partner: string;
  third: string;
}

/** Three numbers that no other row has, and three more for its long call. */
function numbersOf(row: number, from = 1): Numbers {
  const number = (last: number) => `6${String(row).padStart(2, '0')}${last}`;
  return { user: number(from), partner: number(from + 1), third: number(from + 2) };
}

/** The acts in order, each begun with nobody in a call. */
async function tryAll(
  t: TestContext,
  house: House,
  row: Numbers & { name: string; begin: (user: string) => Promise<TriedPhone>; early: Early | undefined },
  done: Set<Act>,
): Promise<void> {
  const server = house.tocsin.sip;
  const [peer, partner, third] = await Promise.all([
    row.begin(row.user),
    OwnPhone.start(t, { user: row.partner, server, toneHz: PARTNER_HZ }),
    OwnPhone.start(t, { user: row.third, server, toneHz: THIRD_HZ }),
  ]);
  done.add('register');
  const act = async (name: Act, play: () => Promise<void>) => {
    await play();
    done.add(name);
  };
  const { name } = row;
  const talks = (other: OwnPhone, otherHz: number) =>
    until(`${name} and ${other.user} hear each other`, async () => other.hears(PEER_HZ) && (await peer.hears(otherHz)));

  await act('calls', async () => {
    await peer.call(partner.user);
    await talks(partner, PARTNER_HZ);
    assert.ok(!partner.hears(PARTNER_HZ), 'nobody hears himself');
  });
  await act('keys', async () => {
    await peer.press('7');
    await until('its key reaches the partner', () => partner.digits === '7');
  });
  await act('is held', async () => {
    await partner.hold(true);
    await until('it hears the partner no more', async () => !(await peer.hears(PARTNER_HZ)));
    await partner.hold(false);
    await talks(partner, PARTNER_HZ);
  });
  await act('holds', async () => {
    await peer.hold(true);
    await until('the partner hears it no more', () => !partner.hears(PEER_HZ));
    await peer.hold(false);
    await until('the partner hears it again', () => partner.hears(PEER_HZ));
    if (!peer.isDeafAfterHold) await talks(partner, PARTNER_HZ);
    await peer.hangUp();
    await until('the partner is free', () => !partner.isTalking);
  });

  const { early } = row;
  if (early)
    await act('hears early', async () => {
      const answered = async () =>
        (await house.tocsin.get<TrunkView[]>('/api/trunks')).find(({ id }) => id === early.trunk)!.calls.answered;
      await peer.call(early.number);
      await until(`${name} hears the far end before it answers`, () => peer.hears(EARLY_HZ), EARLY_MS);
      assert.equal(await answered(), 0);
      await until('the far end has answered', async () => await peer.isTalking!());
      assert.equal(await answered(), 1);
      await peer.hangUp();
      assert.equal(await early.ended, 0);
    });

  await act('is called', async () => {
    const outcome = await partner.call(peer.user);
    assert.equal(outcome.kind, 'answered', JSON.stringify(outcome));
    await talks(partner, PARTNER_HZ);
  });
  await act('hands on', async () => {
    await peer.transfer(third.user);
    await until('partner and third hear each other', () => partner.hears(THIRD_HZ) && third.hears(PARTNER_HZ));
    await until('nobody hears it', () => !partner.hears(PEER_HZ) && !third.hears(PEER_HZ));
    await partner.hangUp();
    await until('the third is free', () => !third.isTalking);
  });

  const { consult, join } = peer;
  if (consult && join)
    await act('joins', async () => {
      await peer.call(partner.user);
      await talks(partner, PARTNER_HZ);
      await peer.hold(true);
      await until('the partner waits', () => !partner.hears(PEER_HZ));
      await consult(third.user);
      await talks(third, THIRD_HZ);
      assert.ok(!partner.hears(THIRD_HZ), 'the one who waits does not hear the consultation');
      await join();
      await until('partner and third hear each other', () => partner.hears(THIRD_HZ) && third.hears(PARTNER_HZ));
      await partner.hangUp();
      await until('the third is free', () => !third.isTalking);
    });

  await act('is lost', async () => {
    // It may take a moment to be done with the calls that it has joined.
    await until(`${name} takes a call`, async () => (await partner.call(peer.user)).kind === 'answered');
    await talks(partner, PARTNER_HZ);
    await peer.kill();
    await until('the partner’s call ends', () => !partner.isTalking, 60_000);
    assert.match(partner.ending ?? '', /media-lost|signalling-lost/);
  });
}

/** linphone proposes the interval, and the house refreshes: linphone writes down the UPDATE that it gets. */
async function linphoneRefreshes(t: TestContext, { tocsin }: House, numbers: Numbers): Promise<void> {
  const server = tocsin.sip;
  const phone = await Linphone.start(t, {
    ...{ user: numbers.user, server, toneHz: PEER_HZ, sessionExpiresS: SESSION_EXPIRES_S },
  });
  await staysTalking(t, triedLinphone(phone), server, numbers, async () => /^UPDATE sip:/m.test(await phone.log()));
}

/** JsSIP refreshes by itself. */
async function pageRefreshes(t: TestContext, house: House, numbers: Numbers): Promise<void> {
  const opened = await (await house.browser()).openScript(await pageScript(JSSIP));
  const server = `${house.tocsin.http.replace('http', 'ws')}/sip`;
  const phone = await triedPage(opened, { user: numbers.user, toneHz: PEER_HZ, server });
  await staysTalking(t, phone, house.tocsin.sip, numbers, async () => (await opened.evaluate<number>('updates')) > 0);
}

async function staysTalking(
  t: TestContext,
  peer: TriedPhone,
  server: string,
  numbers: Numbers,
  isRefreshed: () => Promise<boolean>,
): Promise<void> {
  const partner = await OwnPhone.start(t, { user: numbers.partner, server, toneHz: PARTNER_HZ });
  const talks = () =>
    until('both hear each other', async () => partner.hears(PEER_HZ) && (await peer.hears(PARTNER_HZ)));
  await peer.call(partner.user);
  await talks();
  await until('the session is refreshed', isRefreshed, REFRESHED_WITHIN_MS);
  await talks();
  await peer.hangUp();
  await until('the partner is free', () => !partner.isTalking);
}

/** SIPp plays a whole call: keys by INFO, hold, the refresh of the house, and a transfer. It has no ears; its partner has. */
function sippRefreshes(transport: 'udp' | 'tcp') {
  return async (t: TestContext, { tocsin }: House, numbers: Numbers, done: Set<Act>): Promise<void> => {
    const server = tocsin.sip;
    const [partner, third] = await Promise.all([
      OwnPhone.start(t, { user: numbers.partner, server, toneHz: PARTNER_HZ }),
      OwnPhone.start(t, { user: numbers.third, server, toneHz: THIRD_HZ }),
    ]);
    const { ended, said } = await scriptedCaller(t, {
      ...{ user: numbers.user, password: 'tocsin-demo', server, transport, toneHz: PEER_HZ },
      ...{ calls: partner.user, handsOnTo: third.user },
    });
    const failed = ended.then((code) => {
      if (code !== 0) throw new Error(`SIPp ended with ${code}: ${said()}`);
    });
    const heard = async () => {
      await until('the partner hears it', () => partner.hears(PEER_HZ));
      done.add('calls');
      await until('its key reaches the partner', () => partner.digits === '5');
      done.add('keys');
      await until('it holds the partner', () => !partner.hears(PEER_HZ) && partner.isTalking);
      await until('it takes him back', () => partner.hears(PEER_HZ));
      done.add('holds');
      const bothHear = () => partner.hears(THIRD_HZ) && third.hears(PARTNER_HZ);
      await until('partner and third hear each other', bothHear, REFRESHED_WITHIN_MS);
      done.add('hands on');
    };
    await Promise.all([heard(), failed]);
    await partner.hangUp();
    await until('the third is free', () => !third.isTalking);
  };
}

function matrix(done: Set<Act>[]): string {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  return [
    '',
    line(['peer', 'transport', ...ACTS]),
    line(['peer', 'transport', ...ACTS].map(() => '---')),
    ...ROWS.map(({ peer, transport }, index) =>
      line([peer, transport, ...ACTS.map((act) => (done[index]!.has(act) ? '✓' : '–'))]),
    ),
  ].join('\n');
}
