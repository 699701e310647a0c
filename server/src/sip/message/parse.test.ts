import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

import { seededChance } from '#kernel/chance.ts';
import { Request, Response } from './message.ts';
import { MESSAGE_LIMITS, type Parsed, parseDatagram } from './parse.ts';
import { userOf } from './uri.ts';

const FOLDER = new URL('./torture/', import.meta.url);
const torture = (name: string): Buffer => readFileSync(new URL(`${name}.dat`, FOLDER));

function requestIn(parsed: Parsed): Request {
  assert.equal(parsed.kind, 'message', parsed.kind === 'bad' ? parsed.complaint : '');
  assert.ok(parsed.kind === 'message' && parsed.message instanceof Request);
  return parsed.message;
}

function responseIn(parsed: Parsed): Response {
  assert.ok(parsed.kind === 'message' && parsed.message instanceof Response, JSON.stringify(parsed));
  return parsed.message;
}

/**
 * RFC 4475, every message: `valid` is taken, a number is the status that answers a bad request, `dropped` is a bad
 * response. Those that are good SIP but ask for something odd are `valid` here and judged in user-agent/torture.test.ts.
 */
const VERDICTS: Record<string, 'valid' | 'dropped' | number> = {
  wsinv: 'valid',
  intmeth: 'valid',
  esc01: 'valid',
  escnull: 'valid',
  esc02: 'valid',
  lwsdisp: 'valid',
  longreq: 'valid',
  dblreq: 'valid',
  semiuri: 'valid',
  transports: 'valid',
  mpart01: 'valid',
  unreason: 'valid',
  noreason: 'valid',
  badinv01: 400,
  clerr: 400,
  ncl: 400,
  scalar02: 400,
  scalarlg: 'dropped',
  quotbal: 400,
  ltgtruri: 400,
  lwsruri: 400,
  lwsstart: 400,
  trws: 400,
  escruri: 400,
  // A bad Date need not matter to one who does not read it (§3.1.2.12).
  baddate: 'valid',
  regbadct: 400,
  // The liberal reading that §3.1.2.14 and §3.1.2.15 allow.
  badaspec: 'valid',
  baddn: 'valid',
  badvers: 505,
  mismatch01: 400,
  // A method that nobody knows (§3.1.2.18).
  mismatch02: 501,
  bigcode: 'dropped',
  badbranch: 'valid',
  insuf: 400,
  unkscm: 'valid',
  novelsc: 'valid',
  unksm2: 'valid',
  bext01: 'valid',
  invut: 'valid',
  regaut01: 'valid',
  multi01: 400,
  mcl01: 400,
  bcast: 'valid',
  zeromf: 'valid',
  cparam01: 'valid',
  cparam02: 'valid',
  regescrt: 'valid',
  sdp01: 'valid',
  inv2543: 'valid',
};

test('every torture message of RFC 4475 has its verdict', () => {
  const names = readdirSync(FOLDER).map((file) => file.replace('.dat', ''));
  assert.deepEqual(names.sort(), Object.keys(VERDICTS).sort());
  assert.equal(names.length, 49);
});

for (const [name, verdict] of Object.entries(VERDICTS)) {
  test(`torture message ${name} is ${typeof verdict === 'number' ? `answered ${verdict}` : verdict}`, () => {
    const parsed = parseDatagram(torture(name));
    if (verdict === 'valid') return assert.equal(parsed.kind, 'message', JSON.stringify(parsed));
    assert.ok(parsed.kind === 'bad', 'was taken');
    if (verdict === 'dropped') assert.equal(parsed.request, undefined);
    else assert.deepEqual([parsed.status, parsed.request instanceof Request], [verdict, true], parsed.complaint);
  });
}

test('a short tortuous INVITE is read as RFC 4475 §3.1.1.1 says', () => {
  const request = requestIn(parseDatagram(torture('wsinv')));
  assert.equal(request.method, 'INVITE');
  assert.equal(request.toTag, '1918181833n');
  assert.equal(request.from.displayName, 'J Rosenberg \\"');
  assert.equal(request.fromTag, '98asjd8');
  assert.equal(request.maxForwards, 68);
  assert.deepEqual(request.cseq, { number: 9, method: 'INVITE' });
  assert.equal(request.list('Via').length, 3);
  assert.equal(request.via.host, '192.0.2.2');
  assert.equal(request.get('Subject'), '');
  assert.equal(request.get('newfangledheader'), 'newfangled value continued newfangled value');
  const [contact] = request.contacts;
  assert.ok(contact && contact !== '*');
  assert.equal(contact.displayName, 'Quoted string ""');
  assert.equal(contact.params.get('newparam'), 'newvalue');
  assert.equal(contact.params.get('secondparam'), undefined);
  assert.equal(contact.params.get('q'), '0.33');
  assert.ok(request.sdp?.startsWith('v=0'));
});

test('a method, tags and Call-ID of the widest alphabet are kept', () => {
  const request = requestIn(parseDatagram(torture('intmeth')));
  assert.equal(request.method, "!interesting-Method0123456789_*+`.%indeed'~");
  assert.equal(request.to.displayName, 'BEL:\x07 NUL:\0 DEL:\x7f');
  assert.equal(request.fromTag, "_token~1'+`*%!-.");
  assert.equal(request.from.params.get("fromparam''~+*_!.-%"), 'работающий');
});

test('escapes are undone in a user part and only there', () => {
  const esc01 = requestIn(parseDatagram(torture('esc01')));
  assert.equal(userOf(esc01.uri), 'sips:user@example.com');
  assert.equal(userOf(esc01.to.uri), 'user');
  assert.equal(requestIn(parseDatagram(torture('escnull'))).contacts.length, 2);
  const esc02 = requestIn(parseDatagram(torture('esc02')));
  assert.equal(esc02.method, 'RE%47IST%45R');
  assert.equal(esc02.to.displayName, '%Z%45');
  assert.equal(esc02.contacts.length, 2);
});

test('a user part may hold semicolons, and a second request in the datagram is ignored', () => {
  const { uri } = requestIn(parseDatagram(torture('semiuri')));
  assert.equal(userOf(uri), 'user;par=u@example.net');
  const doubled = requestIn(parseDatagram(torture('dblreq')));
  assert.deepEqual([doubled.method, doubled.body.length], ['REGISTER', 0]);
});

test('reason phrases may be strange or empty', () => {
  assert.match(responseIn(parseDatagram(torture('unreason'))).reason, /^= 2\*\*3 .*простое$/);
  assert.equal(responseIn(parseDatagram(torture('noreason'))).reason, '');
});

test('a parameter outside brackets is the header’s, one inside the URI’s', () => {
  const [outside] = requestIn(parseDatagram(torture('cparam01'))).contacts;
  const [inside] = requestIn(parseDatagram(torture('cparam02'))).contacts;
  assert.ok(outside && inside && outside !== '*' && inside !== '*');
  assert.deepEqual([outside.params.has('unknownparam'), inside.params.has('unknownparam')], [true, false]);
});

test('what was read and written again says the same', () => {
  for (const name of Object.keys(VERDICTS)) {
    const once = parseDatagram(torture(name));
    if (once.kind !== 'message') continue;
    const twice = parseDatagram(once.message.toBuffer());
    assert.ok(twice.kind === 'message', name);
    assert.equal(twice.message.toString(), once.message.toString());
  }
});

test('bytes that are no UTF-8 come back as they were', () => {
  const text =
    'OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: "\xd5\xc5" <sip:c@d>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n';
  const request = requestIn(parseDatagram(Buffer.from(text, 'latin1')));
  assert.ok(Response.to(request, 200, { toTag: 'x' }).toBuffer().includes(Buffer.from('"\xd5\xc5"', 'latin1')));
});

const IPV6 = new URL('./torture-ipv6/', import.meta.url);
const tortureIpv6 = (section: string): Buffer => readFileSync(new URL(`${section}.dat`, IPV6));

// By section. The bodies of §4.6, §4.8 and §4.9 are counted anew here: the document's own Content-Lengths do not fit them.
for (const section of ['4.1', '4.3', '4.4', '4.5.1', '4.5.2', '4.6', '4.7', '4.8', '4.9', '4.10.1', '4.10.2'])
  test(`message ${section} of RFC 5118 is taken, and reads the same when it is written again`, () => {
    const request = requestIn(parseDatagram(tortureIpv6(section)));
    assert.equal(requestIn(parseDatagram(request.toBuffer())).toString(), request.toString());
  });

test('IPv6 addresses are read as RFC 5118 says', () => {
  const read = (section: string) => requestIn(parseDatagram(tortureIpv6(section)));
  const hostAndPort = ({ uri }: Request) => uri.scheme === 'sip' && [uri.host, uri.port];
  assert.deepEqual(hostAndPort(read('4.1')), ['[2001:db8::10]', undefined]);
  const bare = parseDatagram(tortureIpv6('4.2'));
  assert.ok(bare.kind === 'bad' && bare.status === 400 && bare.request);
  assert.deepEqual(hostAndPort(read('4.3')), ['[2001:db8::10:5070]', undefined]);
  assert.deepEqual(hostAndPort(read('4.4')), ['[2001:db8::10]', 5070]);
  assert.equal(read('4.5.1').via.params.get('received'), '[2001:db8::9:255]');
  assert.equal(read('4.5.2').via.params.get('received'), '2001:db8::9:255');
  assert.match(read('4.6').sdp!, /c=IN IP6 2001:db8::20/);
  assert.deepEqual(
    [read('4.7').via.host, read('4.7').via.port, read('4.7').list('Via').length],
    ['[2001:db8::9:1]', 6050, 3],
  );
  assert.deepEqual([read('4.9').via.host, read('4.9').via.port], ['[::ffff:192.0.2.10]', 19823]);
});

test('a datagram whose headers do not end is taken when it shows that nothing is missing', () => {
  const text =
    'OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:c@d>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n';
  const cut = parseDatagram(Buffer.from(text));
  assert.deepEqual(cut.kind === 'bad' && [cut.status, cut.request?.method], [400, 'OPTIONS']);
  requestIn(parseDatagram(Buffer.from(`${text}l: 0\r\n`)));
  assert.equal(parseDatagram(Buffer.from(`${text}l: 0`)).kind, 'bad');
});

test('only spaces and tabs are white space', () => {
  const text = `OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:c@d>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nSubject: \u00a0x\ufeff \r\n\r\n`;
  assert.equal(requestIn(parseDatagram(Buffer.from(text))).get('Subject'), '\u00a0x\ufeff');
});

test('limits are answered 513', () => {
  const base =
    'OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:c@d>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n';
  for (const extra of [
    'X: y\r\n'.repeat(MESSAGE_LIMITS.headers),
    `X: ${'y'.repeat(MESSAGE_LIMITS.headerCharacters + 1)}\r\n`,
    `X: ${'y'.repeat(8000)}\r\n`.repeat(5),
  ]) {
    const parsed = parseDatagram(Buffer.from(`${base}${extra}\r\n`));
    assert.equal(parsed.kind === 'bad' && parsed.status, 513);
  }
});

test('no header value can be made to break its line', () => {
  assert.throws(() => new Request('OPTIONS', 'sip:a').add('Subject', 'a\r\nVia: evil'), /break its line/);
});

test('mutated messages never crash the parser', () => {
  const chance = seededChance('parser');
  const seeds = Object.keys(VERDICTS).map(torture);
  const spice = [...'\r\n\t :;,<>"\\@%=?*[]/'].map((character) => character.charCodeAt(0)).concat(0, 0xff, 0x80);
  const endAt = Date.now() + 1500;
  let rounds = 0;
  for (; Date.now() < endAt && rounds < 20_000; rounds += 1) {
    const random = chance.bytes(32);
    const bytes = Buffer.from(seeds[random[0]! % seeds.length]!);
    for (let i = 1; i < 30; i += 3) {
      const at = ((random[i]! << 8) | random[i + 1]!) % bytes.length;
      bytes[at] = random[i + 2]! & 1 ? spice[random[i + 2]! % spice.length]! : random[i + 2]!;
      if (random[i]! > 250) bytes.copyWithin(at, random[i + 1]!);
    }
    const parsed = parseDatagram(bytes);
    if (parsed.kind === 'bad') {
      if (parsed.request) Response.to(parsed.request, parsed.status, { toTag: 't' }).toBuffer();
      continue;
    }
    // What passed the door can be answered and written.
    if (parsed.message instanceof Request) Response.to(parsed.message, 200, { toTag: 't' }).toBuffer();
    parsed.message.toBuffer();
  }
  assert.ok(rounds > 100, `only ${rounds} rounds`);
});
