import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { testCertificates } from '../server/src/sip/transport/test-certificates.ts';
import { Baresip } from './kit/baresip.ts';
import { Browser, noBrowser, readyForBrowsers } from './kit/browser.ts';
import { testFolder } from './kit/gateways.ts';
import { Kamailio } from './kit/kamailio.ts';
import { Linphone } from './kit/linphone.ts';
import { OwnPhone } from './kit/own-phone.ts';
import { siteFolder } from './kit/own-site.ts';
import { JSSIP, SIP_JS } from './kit/page-phones.ts';
import { pageScript } from './kit/page-script.ts';
import { freePort } from './kit/ports.ts';
import { Tocsin } from './kit/tocsin.ts';
import { triedBaresip, triedLinphone, triedPage, type TriedPhone } from './kit/tried-phone.ts';
import { until } from './kit/wait.ts';

/** What everyone says; a partner and a third are there for each row. */
const PEER_HZ = 1000;
const PARTNER_HZ = 1800;
const THIRD_HZ = 2450;

/** What every peer is put through. `✓` in the table: done and heard at every ear. */
const ACTS = ['register', 'calls', 'keys', 'holds', 'is held', 'is called', 'hands on', 'joins', 'is lost'] as const;
type Act = (typeof ACTS)[number];

interface House {
  tocsin: Tocsin;
  tlsPort: number;
  certificates: { authority: string; own: string };
  /** The address of a proxy before the house. */
  edge: () => Promise<string>;
  browser: () => Promise<Browser>;
}

interface Row {
  peer: string;
  transport: 'UDP' | 'TCP' | 'TLS' | 'WSS' | 'UDP by Kamailio' | 'TCP by Kamailio';
  start(t: TestContext, house: House, user: string): Promise<TriedPhone>;
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
  { peer: 'linphone', transport: 'UDP', start: linphone('udp') },
  { peer: 'linphone', transport: 'TCP', start: linphone('tcp') },
  { peer: 'linphone', transport: 'TLS', start: linphone('tls') },
  { peer: 'baresip', transport: 'UDP by Kamailio', start: behind(baresip, 'udp') },
  { peer: 'linphone', transport: 'TCP by Kamailio', start: behind(linphone, 'tcp') },
  { peer: 'sip.js', transport: 'WSS', start: page(SIP_JS), skip: noBrowser },
  { peer: 'JsSIP', transport: 'WSS', start: page(JSSIP), skip: noBrowser },
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
        await t.test(nameOf(row), { skip: row.skip ?? false }, (t) => tryAll(t, house, row, numbersOf(index), acts));
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
  const site = await siteFolder(t, (demo) => {
    const users = ROWS.flatMap((_, index) => Object.values(numbersOf(index)));
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
    certificates: { authority: await file('ca.pem', ca), own: await file('both.pem', cert + key) },
    edge: async () => (await (edge ??= Kamailio.edge(t, { registrar: tocsin.sip }))).address,
    browser: () =>
      (browser ??= readyForBrowsers(tocsin).then(() => Browser.start(t, { microphoneHz: PEER_HZ, isTrusting: true }))),
  };
}

/** Three numbers that no other row has. */
function numbersOf(row: number) {
  return { user: `61${row}1`, partner: `61${row}2`, third: `61${row}3` };
}

/** The acts in order, each begun with nobody in a call. */
async function tryAll(
  t: TestContext,
  house: House,
  row: Row,
  numbers: ReturnType<typeof numbersOf>,
  done: Set<Act>,
): Promise<void> {
  const server = house.tocsin.sip;
  const [peer, partner, third] = await Promise.all([
    row.start(t, house, numbers.user),
    OwnPhone.start(t, { user: numbers.partner, server, toneHz: PARTNER_HZ }),
    OwnPhone.start(t, { user: numbers.third, server, toneHz: THIRD_HZ }),
  ]);
  done.add('register');
  const act = async (name: Act, play: () => Promise<void>) => {
    await play();
    done.add(name);
  };
  const name = nameOf(row);
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
      await consult(third.user);
      await talks(third, THIRD_HZ);
      assert.ok(!partner.hears(THIRD_HZ), 'the one who waits does not hear the consultation');
      await join();
      await until('partner and third hear each other', () => partner.hears(THIRD_HZ) && third.hears(PARTNER_HZ));
      await partner.hangUp();
      await until('the third is free', () => !third.isTalking);
    });

  await act('is lost', async () => {
    await partner.call(peer.user);
    await talks(partner, PARTNER_HZ);
    await peer.kill();
    await until('the partner’s call ends', () => !partner.isTalking, 60_000);
    assert.match(partner.ending ?? '', /media-lost|signalling-lost/);
  });
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
