import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

import { passwordIs, town } from './test-town.ts';

const FOLDER = new URL('../message/torture/', import.meta.url);

/**
 * What a user agent that asks for digest on calls and registrations answers to each torture message of RFC 4475, as its
 * text has it; null for silence. A user agent is not a proxy, so Proxy-Require and maddr are no matter here.
 */
const ANSWERS: Record<string, number | null> = {
  // §3.1.1: valid, so they get as far as the challenge, or are answered by what they ask for.
  // Its To has a tag, of a dialog that is not here.
  wsinv: 481,
  intmeth: 501,
  esc01: 401,
  escnull: 401,
  esc02: 501,
  lwsdisp: 200,
  longreq: 401,
  dblreq: 401,
  semiuri: 200,
  transports: 200,
  mpart01: 405,
  unreason: null,
  noreason: null,
  // §3.1.2: invalid.
  badinv01: 400,
  clerr: 400,
  ncl: 400,
  scalar02: 400,
  scalarlg: null,
  quotbal: 400,
  ltgtruri: 400,
  lwsruri: 400,
  lwsstart: 400,
  trws: 400,
  escruri: 400,
  baddate: 401,
  regbadct: 400,
  badaspec: 200,
  baddn: 200,
  badvers: 505,
  mismatch01: 400,
  mismatch02: 501,
  bigcode: null,
  // §3.2 and §3.3: the transaction's and the application's business.
  badbranch: 200,
  insuf: 400,
  unkscm: 416,
  novelsc: 416,
  unksm2: 400,
  bext01: 420,
  invut: 415,
  regaut01: 401,
  multi01: 400,
  mcl01: 400,
  bcast: null,
  zeromf: 200,
  cparam01: 401,
  cparam02: 401,
  regescrt: 401,
  sdp01: 406,
  // §3.4: RFC 2543.
  inv2543: 401,
};

test('every torture message has its answer', () => {
  assert.deepEqual(
    readdirSync(FOLDER)
      .map((file) => file.replace('.dat', ''))
      .sort(),
    Object.keys(ANSWERS).sort(),
  );
});

for (const [name, expected] of Object.entries(ANSWERS))
  test(`torture message ${name} is answered ${expected ?? 'by silence'}`, async (t) => {
    const { network, wind, agent } = town(t);
    await agent('server', { credentials: passwordIs('x') });
    const peer = network.open('peer');
    const bytes = readFileSync(new URL(`${name}.dat`, FOLDER));
    peer.flowTo({ transport: 'udp', host: 'server', port: 5060 }).send(bytes);
    await wind(20);
    if (expected === null) return assert.deepEqual(network.sent.slice(1), []);
    const status = /^SIP\/2\.0 (\d{3})/.exec(network.sent[1]?.text ?? '')?.[1];
    assert.equal(Number(status), expected);
  });

/** The same where nobody is asked who he is: what the valid ones get that are challenged above. */
const ANSWERS_WITHOUT_DIGEST: Record<string, number> = {
  esc01: 480,
  escnull: 200,
  longreq: 480,
  dblreq: 200,
  baddate: 480,
  unksm2: 400,
  regaut01: 200,
  cparam01: 200,
  cparam02: 200,
  regescrt: 200,
  inv2543: 480,
};

for (const [name, expected] of Object.entries(ANSWERS_WITHOUT_DIGEST))
  test(`torture message ${name} is answered ${expected} where nobody is challenged`, async (t) => {
    const { network, wind, agent } = town(t);
    await agent('server');
    const bytes = readFileSync(new URL(`${name}.dat`, FOLDER));
    // Over TCP the answer comes back here, and not to a Via of the message's own.
    network.open('peer').flowTo({ transport: 'tcp', host: 'server', port: 5060 }).send(bytes);
    await wind(20);
    const final = network.sent.slice(1).find(({ text }) => !text.startsWith('SIP/2.0 1'));
    assert.equal(Number(/^SIP\/2\.0 (\d{3})/.exec(final?.text ?? '')?.[1]), expected);
  });

test('the registrar keeps contacts of the torture set as they were written', async (t) => {
  const { network, wind, agent } = town(t);
  const server = await agent('server');
  const peer = network.open('peer').flowTo({ transport: 'tcp', host: 'server', port: 5060 });
  const contactsAfter = async (name: string, user: string) => {
    peer.send(readFileSync(new URL(`${name}.dat`, FOLDER)));
    await wind(20);
    return server.registrar.lookup(user).map(({ contact }) => contact);
  };
  // Two users of one and of two NULs are two contacts (§3.1.1.5).
  assert.deepEqual(await contactsAfter('escnull', 'null-%00-null'), []);
  assert.equal((await contactsAfter('escnull', 'null-\0-null')).length, 2);
  assert.deepEqual(await contactsAfter('cparam01', 'watson'), ['sip:+19725552222@gw1.example.net']);
  assert.equal((await contactsAfter('cparam02', 'watson')).at(-1), 'sip:+19725552222@gw1.example.net;unknownparam');
  assert.deepEqual(await contactsAfter('regescrt', 'user'), ['sip:user@example.com?Route=%3Csip:sip.example.com%3E']);
});

const IPV6 = new URL('../message/torture-ipv6/', import.meta.url);

/** RFC 5118 by section. */
const IPV6_ANSWERS: Record<string, number> = {
  '4.1': 200,
  '4.2': 400,
  '4.3': 200,
  '4.4': 200,
  '4.5.1': 481,
  '4.5.2': 200,
  '4.6': 480,
  '4.7': 481,
  '4.8': 480,
  '4.9': 480,
  '4.10.1': 200,
  '4.10.2': 200,
};

for (const [section, expected] of Object.entries(IPV6_ANSWERS))
  test(`message ${section} of RFC 5118 is answered ${expected}`, async (t) => {
    const { network, wind, agent } = town(t);
    await agent('server');
    const bytes = readFileSync(new URL(`${section}.dat`, IPV6));
    network.open('peer').flowTo({ transport: 'tcp', host: 'server', port: 5060 }).send(bytes);
    await wind(20);
    const final = network.sent.slice(1).find(({ text }) => !text.startsWith('SIP/2.0 1'));
    assert.equal(Number(/^SIP\/2\.0 (\d{3})/.exec(final?.text ?? '')?.[1]), expected);
  });

test('an unknown extension is named in Unsupported, an unknown body leads to Accept', async (t) => {
  const { network, wind, agent } = town(t);
  await agent('server');
  const peer = network.open('peer');
  for (const name of ['bext01', 'invut'])
    peer.flowTo({ transport: 'tcp', host: 'server', port: 5060 }).send(readFileSync(new URL(`${name}.dat`, FOLDER)));
  await wind(20);
  const [, , extension, body] = network.sent.map(({ text }) => text);
  assert.match(extension!, /\r\nUnsupported: nothingSupportsThis, nothingSupportsThisEither\r\n/);
  assert.match(body!, /\r\nAccept: application\/sdp\r\n/);
});
