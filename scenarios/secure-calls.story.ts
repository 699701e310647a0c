import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { testCertificates } from '../server/src/sip/transport/test-certificates.ts';
import { Baresip } from './kit/baresip.ts';
import { testFolder } from './kit/gateways.ts';
import { HEARD_ABOVE_DB, listenFor, SILENT_BELOW_DB } from './kit/hearing.ts';
import { siteFolder } from './kit/own-site.ts';
import { freePort } from './kit/ports.ts';
import { toneDb } from './kit/sound.ts';
import { Tocsin } from './kit/tocsin.ts';
import { callBetween, hears } from './kit/two-phones.ts';
import { until } from './kit/wait.ts';

/** Who insists on SRTP, who can do it, who cannot, and whose account demands it of a phone that cannot. */
const INSISTS = { user: '1002', toneHz: 500 };
const CAN = { user: '1004', toneHz: 800 };
const PLAIN = { user: '1005', toneHz: 1300 };
const PLAIN_OVER_TLS = { user: '1006', toneHz: 0 };
const WITHOUT_TLS = { user: '1007', toneHz: 0 };

test(
  'phones that can are secured by SRTP over TLS, and talk with those that cannot; an account may demand it',
  { skip: !testCertificates && 'openssl is not installed' },
  async (t) => {
    const { ca, cert, key } = testCertificates!;
    // The server's pages are under the same certificate.
    setDefaultCACertificates([...getCACertificates('default'), ca]);
    const folder = await testFolder(t, 'certificates');
    await mkdir(folder, { recursive: true });
    const file = async (name: string, text: string) => {
      await writeFile(join(folder, name), text);
      return join(folder, name);
    };
    const certificates = { authority: await file('ca.pem', ca), own: await file('both.pem', cert + key) };
    const tlsPort = await freePort();
    const site = await siteFolder(t, (demo) => {
      for (const account of demo.accounts ?? [])
        if ([INSISTS, PLAIN_OVER_TLS, WITHOUT_TLS].some(({ user }) => user === account.user)) account.srtp = 'required';
    });
    const tocsin = await Tocsin.start(t, {
      TOCSIN_SITE: site,
      TOCSIN_SIMULATORS: 'off',
      TOCSIN_SIP_TLS_PORT: String(tlsPort),
      TOCSIN_CERTIFICATE: await file('cert.pem', cert),
      TOCSIN_KEY: await file('key.pem', key),
    });
    const overTls = { server: `127.0.0.1:${tlsPort}`, transport: 'tls', certificates } as const;
    const [insists, can, plain, plainOverTls, withoutTls] = await Promise.all([
      Baresip.start(t, { ...INSISTS, ...overTls, srtp: 'srtp-mand' }),
      Baresip.start(t, { ...CAN, ...overTls, srtp: 'srtp' }),
      Baresip.start(t, { ...PLAIN, server: tocsin.sip }),
      Baresip.start(t, { ...PLAIN_OVER_TLS, ...overTls }),
      Baresip.start(t, { ...WITHOUT_TLS, server: tocsin.sip, srtp: 'srtp-mand' }),
    ]);

    await t.test('one that insists and one that can hear each other', () => callBetween(insists, can));
    await t.test('one that can calls one that insists', () => callBetween(can, insists));
    await t.test('secured on one side, plain on the other', () => callBetween(insists, plain));
    await t.test('after hold and resume the sound is there again', async () => {
      const seen = can.events.length;
      await plain.dial(CAN.user);
      await can.until('CALL_ESTABLISHED', 20_000, seen);
      await Promise.all([hears(plain, CAN.toneHz), hears(can, PLAIN.toneHz)]);
      await can.command('hold');
      await until('it hears no tone', async () => {
        const now = (await listenFor([plain], 0.5)).get(plain)!;
        return toneDb(now, CAN.toneHz) < SILENT_BELOW_DB;
      });
      await can.command('resume');
      // What the phone that held hears is written down no more from here on; its partner's ears go on.
      await until('it hears the tone again', async () => {
        const now = (await listenFor([plain], 0.5)).get(plain)!;
        return toneDb(now, CAN.toneHz) > HEARD_ABOVE_DB;
      });
      await plain.command('hangup');
      await can.until('CALL_CLOSED', 20_000, seen);
    });
    await t.test('whose account demands it is refused without it, with the reason', async () => {
      await plainOverTls.dial(PLAIN.user);
      const closed = await plainOverTls.until('CALL_CLOSED');
      assert.match(closed.param ?? '', /488 SRTP is required/);
    });
    await t.test('and refused where its keys could be read on the way', async () => {
      await withoutTls.dial(PLAIN.user);
      const closed = await withoutTls.until('CALL_CLOSED');
      assert.match(closed.param ?? '', /488 SRTP is required, and its keys need TLS/);
      const refused = await until(
        'the refusal is on the timeline',
        async () => (await tocsin.timeline({ kind: 'call.refused' }))[0],
      );
      assert.deepEqual([refused.data['from'], refused.data['because']], [WITHOUT_TLS.user, 'srtp-needs-tls']);
      const seen = plain.events.length;
      await plain.dial(WITHOUT_TLS.user);
      await plain.until('CALL_CLOSED', 20_000, seen);
      assert.ok(!withoutTls.events.some(({ type }) => type === 'CALL_INCOMING'), 'and it is not rung');
    });
  },
);
