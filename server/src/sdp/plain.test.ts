import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BadDescription, isWebRtc, readDescription } from './description.ts';
import type { OurSrtp, SrtpMode } from './crypto.ts';
import {
  answerOffer,
  readAnswer,
  writeOffer,
  type AgreedAnswer,
  type AgreedAudio,
  type OurAudio,
  type Refused,
} from './plain.ts';
import { capture, sdp } from './test-captures.ts';

const ours: OurAudio = { host: '127.0.0.1', port: 20_000, sessionId: '42', version: 1 };

function answered(offer: string, more: Partial<OurAudio> = {}): AgreedAnswer {
  const outcome = answerOffer(offer, { ...ours, ...more });
  assert(outcome.kind === 'agreed', JSON.stringify(outcome));
  return outcome;
}

test('an answer with its own payload types: what comes in goes by our numbers, and by theirs', () => {
  const offer = writeOffer({ ...ours, codecs: ['opus', 'g722', 'pcma'] });
  const outcome = readAnswer(
    sdp('m=audio 4000 RTP/AVP 111 110', 'a=rtpmap:111 opus/48000/2', 'a=rtpmap:110 telephone-event/48000'),
    offer,
  );
  assert(outcome.kind === 'agreed');
  assert.deepEqual([outcome.codec, outcome.payloadType, outcome.telephoneEventPayloadType], ['opus', 111, 110]);
  const typesOf = (codec: string) =>
    outcome.accepts.flatMap((each) => (each.codec === codec ? [each.payloadType] : []));
  assert.deepEqual([typesOf('opus'), typesOf('g722'), typesOf('pcma')], [[111, 96], [9], [8]]);
  assert.deepEqual(
    outcome.acceptsEvents.map(({ payloadType, clockRate }) => `${payloadType}/${clockRate}`),
    ['110/48000', '102/48000', '101/8000'],
  );
});

test('the codec of whom one shall talk with is taken where it is offered, whatever the offerer likes best', () => {
  const offer = sdp('m=audio 4000 RTP/AVP 9 0 8');
  const codecs = ['pcma', 'pcmu', 'g722'] as const;
  assert.equal(answered(offer, { codecs }).codec, 'g722');
  assert.equal(answered(offer, { codecs, like: 'pcma' }).codec, 'pcma');
  assert.equal(answered(offer, { codecs, like: 'opus' }).codec, 'g722');
});

test('comfort noise is agreed where both sides want it, and not beside Opus', () => {
  const offer = sdp('m=audio 4000 RTP/AVP 8 13');
  assert.equal(answered(offer).comfortNoisePayloadType, undefined);
  const agreed = answered(offer, { comfortNoise: true });
  assert.equal(agreed.comfortNoisePayloadType, 13);
  assert.match(agreed.answer, /^m=audio 20000 RTP\/AVP 8 13\r\na=rtpmap:8 PCMA\/8000\r\na=rtpmap:13 CN\/8000\r$/m);
  assert.equal(answered(sdp('m=audio 4000 RTP/AVP 8'), { comfortNoise: true }).comfortNoisePayloadType, undefined);
  const opus = sdp('m=audio 4000 RTP/AVP 96 13', 'a=rtpmap:96 opus/48000/2');
  assert.equal(answered(opus, { codecs: ['opus'], comfortNoise: true }).comfortNoisePayloadType, undefined);
  const ourOffer = writeOffer({ ...ours, comfortNoise: true });
  assert.match(ourOffer, /^m=audio 20000 RTP\/AVP 8 0 13 101\r$/m);
  const answer = readAnswer(sdp('m=audio 4000 RTP/AVP 8 13'), ourOffer);
  assert.equal(answer.kind === 'agreed' && answer.comfortNoisePayloadType, 13);
});

test('baresip offers Opus first; A-law comes next and is agreed with its telephone-event', () => {
  const agreed = answered(capture('baresip-1.0.0'));
  assert.deepEqual([agreed.codec, agreed.payloadType, agreed.telephoneEventPayloadType], ['pcma', 8, 101]);
  assert.deepEqual(agreed.remote, { host: '127.0.0.1', port: 4802 });
  assert.equal(
    agreed.answer,
    [
      'v=0',
      'o=tocsin 42 1 IN IP4 127.0.0.1',
      's=-',
      'c=IN IP4 127.0.0.1',
      't=0 0',
      'm=audio 20000 RTP/AVP 8 101',
      'a=rtpmap:8 PCMA/8000',
      'a=rtpmap:101 telephone-event/8000',
      'a=fmtp:101 0-16',
      'a=ptime:20',
      'a=sendrecv',
      '',
    ].join('\r\n'),
  );
});

test('Linphone offers three telephone-events; the one with the codec’s clock is taken', () => {
  const agreed = answered(capture('linphone-5.1.65'));
  assert.deepEqual([agreed.codec, agreed.telephoneEventPayloadType], ['pcmu', 101]);
});

test('SIPp offers µ-law without telephone-event; none is invented', () => {
  const agreed = answered(capture('sipp-3.6.1'));
  assert.deepEqual([agreed.codec, agreed.telephoneEventPayloadType], ['pcmu', undefined]);
  assert.match(agreed.answer, /^m=audio 20000 RTP\/AVP 0\r$/m);
});

test('a static payload type needs no rtpmap', () => {
  assert.equal(answered(sdp('m=audio 4000 RTP/AVP 18 8')).codec, 'pcma');
});

test('every other m-line is refused in its place, and SRTP beside plain RTP is passed over', () => {
  const offer = sdp(
    'm=video 5000 RTP/AVP 96',
    'a=rtpmap:96 H264/90000',
    'm=audio 4002 RTP/SAVP 8',
    'm=audio 4000 RTP/AVP 8',
    'm=application 6000 UDP/BFCP *',
  );
  const agreed = answered(offer);
  assert.equal(agreed.remote.port, 4000);
  assert.deepEqual(agreed.answer.match(/^m=.*$/gm), [
    'm=video 0 RTP/AVP 96',
    'm=audio 0 RTP/SAVP 8',
    'm=audio 20000 RTP/AVP 8',
    'm=application 0 UDP/BFCP *',
  ]);
});

test('hold is answered by its counterpart', () => {
  const hold = (line: string, more: Partial<OurAudio> = {}) => {
    const { direction, theirDirection } = answered(sdp('m=audio 4000 RTP/AVP 8', line), more);
    return [direction, theirDirection];
  };
  assert.deepEqual(hold('a=sendonly'), ['recvonly', 'sendonly']);
  assert.deepEqual(hold('a=inactive'), ['inactive', 'inactive']);
  assert.deepEqual(hold('a=recvonly'), ['sendonly', 'recvonly']);
  assert.deepEqual(hold('a=sendrecv', { direction: 'sendonly' }), ['sendonly', 'sendrecv']);
  assert.deepEqual(hold('a=sendonly', { direction: 'sendonly' }), ['inactive', 'sendonly']);
  // The way of RFC 2543: nowhere to send to.
  assert.deepEqual(hold('c=IN IP4 0.0.0.0'), ['recvonly', 'sendonly']);
  // A direction before the first m-line holds for all.
  const session = answered(sdp('a=sendonly', 'm=audio 4000 RTP/AVP 8'));
  assert.equal(session.theirDirection, 'sendonly');
});

test('G.722 is agreed only where it is asked for, with the telephone-event of 8 kHz', () => {
  const offer = sdp(
    'm=audio 4000 RTP/AVP 9 8 101 102',
    'a=rtpmap:101 telephone-event/16000',
    'a=rtpmap:102 telephone-event/8000',
  );
  assert.equal(answered(offer).codec, 'pcma');
  const wide = answered(offer, { codecs: ['g722', 'pcma'] });
  assert.deepEqual([wide.codec, wide.payloadType, wide.telephoneEventPayloadType], ['g722', 9, 102]);
  assert.match(wide.answer, /^a=rtpmap:9 G722\/8000\r$/m);
  const ourOffer = writeOffer({ ...ours, codecs: ['g722', 'pcma', 'pcmu'] });
  assert.match(ourOffer, /^m=audio 20000 RTP\/AVP 9 8 0 101\r$/m);
  const agreed = readAnswer(sdp('m=audio 4000 RTP/AVP 9 101', 'a=rtpmap:101 telephone-event/8000'), ourOffer);
  assert.deepEqual(agreed.kind === 'agreed' && [agreed.codec, agreed.telephoneEventPayloadType], ['g722', 101]);
  // A phone may write the rate at which G.722 really samples.
  const odd = answered(sdp('m=audio 4000 RTP/AVP 96', 'a=rtpmap:96 G722/16000'), { codecs: ['g722'] });
  assert.deepEqual([odd.codec, odd.payloadType], ['g722', 96]);
});

test('Opus is agreed where it is asked for, with the telephone-event of its own clock', () => {
  const offer = sdp(
    'm=audio 4000 RTP/AVP 111 8 101 110',
    'a=rtpmap:111 opus/48000/2',
    'a=rtpmap:101 telephone-event/8000',
    'a=rtpmap:110 telephone-event/48000',
  );
  assert.equal(answered(offer).codec, 'pcma');
  const agreed = answered(offer, { codecs: ['opus', 'g722', 'pcma'] });
  assert.deepEqual([agreed.codec, agreed.payloadType, agreed.telephoneEventPayloadType], ['opus', 111, 110]);
  assert.match(
    agreed.answer,
    /^m=audio 20000 RTP\/AVP 111 110\r\na=rtpmap:111 opus\/48000\/2\r\na=fmtp:111 useinbandfec=1\r$/m,
  );
  const ourOffer = writeOffer({ ...ours, codecs: ['opus', 'pcma'] });
  assert.match(ourOffer, /^m=audio 20000 RTP\/AVP 96 8 102 101\r$/m);
  const back = readAnswer(answered(ourOffer, { port: 30_000, codecs: ['opus'] }).answer, ourOffer);
  assert.deepEqual(back.kind === 'agreed' && [back.codec, back.telephoneEventPayloadType], ['opus', 102]);
});

test('packets are as long as the other side wishes, when the engine can cut them so', () => {
  const ptime = (...lines: string[]) => answered(sdp('m=audio 4000 RTP/AVP 8', ...lines)).ptimeMs;
  assert.equal(ptime('a=ptime:30'), 30);
  assert.equal(ptime('a=ptime:20', 'a=maxptime:10'), 10);
  assert.equal(ptime('a=ptime:125'), 20);
  assert.equal(ptime(), 20);
});

test('an offer that cannot be answered says why', () => {
  const why = (offer: string) => {
    const outcome = answerOffer(offer, ours);
    return outcome.kind === 'refused' ? outcome.why : outcome.kind;
  };
  assert.equal(why('hello'), 'malformed');
  assert.equal(why('v=0\r\nm=audio 4000 RTP/AVP 8\r\n'), 'malformed');
  assert.equal(why(sdp('m=audio x RTP/AVP 8')), 'malformed');
  assert.equal(why('v=0\r\n'.repeat(20_000)), 'malformed');
  assert.equal(why(sdp('m=video 4000 RTP/AVP 96')), 'no-audio');
  assert.equal(why(sdp('m=audio 0 RTP/AVP 8')), 'no-audio');
  assert.equal(why(sdp('m=audio 4000 RTP/AVP 9 96', 'a=rtpmap:96 opus/48000/2')), 'no-common-codec');
  assert.equal(why(sdp('m=audio 4000 RTP/SAVP 8')), 'secure-only');
  assert.equal(why(capture('sipjs-0.21.2-chromium-156')), 'secure-only');
});

test('an offer of ours and its answer agree on both sides', () => {
  const offer = writeOffer({ ...ours, codecs: ['pcmu', 'pcma'] });
  const answer = answered(offer, { host: '192.0.2.1', port: 30_000, direction: 'recvonly' });
  assert.deepEqual(readAnswer(answer.answer, offer), {
    kind: 'agreed',
    codec: 'pcmu',
    payloadType: 0,
    telephoneEventPayloadType: 101,
    accepts: [
      { payloadType: 0, codec: 'pcmu' },
      { payloadType: 0, codec: 'pcmu' },
      { payloadType: 8, codec: 'pcma' },
    ],
    acceptsEvents: [
      { payloadType: 101, clockRate: 8000 },
      { payloadType: 101, clockRate: 8000 },
    ],
    remote: { host: '192.0.2.1', port: 30_000 },
    remoteRtcpPort: 30_001,
    direction: 'sendonly',
    theirDirection: 'recvonly',
    ptimeMs: 20,
  });
});

test('a later offer keeps the m-lines and payload types of the first', () => {
  const first = answered(
    sdp('m=video 5000 RTP/AVP 96', 'm=audio 4000 RTP/AVPF 8 110', 'a=rtpmap:110 telephone-event/8000'),
  );
  const later = writeOffer({ ...ours, version: 2, direction: 'sendonly', previous: first.answer });
  assert.deepEqual(later.match(/^m=.*$/gm), ['m=video 0 RTP/AVP 96', 'm=audio 20000 RTP/AVPF 8 0 110']);
  assert.match(later, /^o=tocsin 42 2 /m);
  const answer = answered(later, { port: 30_000 });
  const outcome = readAnswer(answer.answer, later);
  assert(outcome.kind === 'agreed');
  assert.deepEqual([outcome.direction, outcome.telephoneEventPayloadType], ['sendonly', 110]);
});

test('an answer that refuses, or names what was not offered, is no agreement', () => {
  const offer = writeOffer({ ...ours, codecs: ['pcma'] });
  const why = (...lines: string[]) => {
    const outcome = readAnswer(sdp(...lines), offer);
    return outcome.kind === 'refused' ? outcome.why : outcome.kind;
  };
  assert.equal(why('m=audio 0 RTP/AVP 8'), 'refused-by-peer');
  assert.equal(why('m=audio 4000 RTP/AVP 0'), 'no-common-codec');
  assert.equal(why('m=video 4000 RTP/AVP 96'), 'no-audio');
  assert.equal(why('m=audio 4000 RTP/SAVP 8'), 'secure-only');
  assert.equal(readAnswer('', offer).kind, 'refused');
});

test('IPv6 addresses are read and written', () => {
  const offer = writeOffer({ ...ours, host: 'fd00::2' });
  assert.match(offer, /^c=IN IP6 fd00::2\r$/m);
  assert.equal(answered(offer).remote.host, 'fd00::2');
});

test('browsers are told from phones', () => {
  assert.equal(isWebRtc(capture('sipjs-0.21.2-chromium-156')), true);
  assert.equal(isWebRtc(capture('firefox-style').replaceAll('\n', '\r\n')), true);
  assert.equal(isWebRtc(capture('linphone-5.1.65')), false);
});

test('no text whatever breaks the reader', () => {
  const line = fc.oneof(
    fc.string(),
    fc.constantFrom(...capture('sipjs-0.21.2-chromium-156').split('\r\n'), 'm=audio 1 RTP/AVP 8', 'c=IN IP4 1.2.3.4'),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 40 }), (lines) => {
      const text = ['v=0', ...lines].join('\r\n');
      try {
        readDescription(text);
      } catch (error) {
        assert(error instanceof BadDescription, String(error));
      }
      answerOffer(text, ours);
    }),
    { numRuns: 500 },
  );
});

const KEYS: OurSrtp['keys'] = {
  AES_CM_128_HMAC_SHA1_80: new Uint8Array(30).fill(1),
  AES_CM_128_HMAC_SHA1_32: new Uint8Array(30).fill(2),
};
const srtp = (mode: SrtpMode): OurSrtp => ({ mode, keys: KEYS });
const THEIR_KEY = Buffer.alloc(30, 7).toString('base64');
const why = (outcome: AgreedAudio | Refused) => (outcome.kind === 'refused' ? outcome.why : outcome.kind);

test('SRTP by SDES: the first line that can be worked with is answered, with its tag and our key (RFC 4568 §5.1.2)', () => {
  const offer = sdp(
    'm=audio 4000 RTP/SAVP 8',
    `a=crypto:1 AES_256_CM_HMAC_SHA1_80 inline:${THEIR_KEY}`,
    `a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:${THEIR_KEY}|2^20|1:4`,
    `a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:${THEIR_KEY} UNENCRYPTED_SRTP`,
    `a=crypto:4 AES_CM_128_HMAC_SHA1_32 inline:${THEIR_KEY}|2^31`,
    `a=crypto:5 AES_CM_128_HMAC_SHA1_80 inline:${THEIR_KEY}`,
  );
  for (const mode of ['offered', 'required'] as const) {
    const agreed = answered(offer, { srtp: srtp(mode) });
    assert.deepEqual(agreed.srtp, {
      suite: 'AES_CM_128_HMAC_SHA1_32',
      sendKey: KEYS.AES_CM_128_HMAC_SHA1_32,
      receiveKey: new Uint8Array(30).fill(7),
    });
    const ourKey = Buffer.alloc(30, 2).toString('base64');
    assert.match(agreed.answer, /^m=audio 20000 RTP\/SAVP 8\r$/m);
    assert.ok(agreed.answer.includes(`a=crypto:4 AES_CM_128_HMAC_SHA1_32 inline:${ourKey}\r\n`), agreed.answer);
  }
  assert.equal(why(answerOffer(offer, ours)), 'secure-only');
  const broken = offer.replaceAll(THEIR_KEY, 'c2hvcnQ=');
  assert.equal(why(answerOffer(broken, { ...ours, srtp: srtp('required') })), 'not-secure');
});

test('a phone that would like SRTP and can do without gets what this side wants', () => {
  const offer = sdp('m=audio 4000 RTP/AVP 8', `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${THEIR_KEY}`);
  assert.equal(answered(offer).srtp, undefined);
  assert.doesNotMatch(answered(offer).answer, /crypto/);
  assert.equal(answered(offer, { srtp: srtp('offered') }).srtp?.suite, 'AES_CM_128_HMAC_SHA1_80');
  const both = sdp(
    'm=audio 4000 RTP/AVP 8',
    'm=audio 4002 RTP/SAVP 8',
    `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${THEIR_KEY}`,
  );
  assert.equal(answered(both, { srtp: srtp('offered') }).remote.port, 4002);
  assert.equal(answered(both).remote.port, 4000);
  const plain = sdp('m=audio 4000 RTP/AVP 8');
  assert.equal(answered(plain, { srtp: srtp('offered') }).srtp, undefined);
  assert.equal(why(answerOffer(plain, { ...ours, srtp: srtp('required') })), 'not-secure');
});

test('our offer with keys and its answer agree on both sides; an answer without them is refused where they are required', () => {
  for (const mode of ['offered', 'required'] as const) {
    const offer = writeOffer({ ...ours, srtp: srtp(mode) });
    assert.match(offer, mode === 'required' ? /RTP\/SAVP / : /RTP\/AVP /);
    const theirs = { mode: 'offered', keys: { ...KEYS, AES_CM_128_HMAC_SHA1_80: new Uint8Array(30).fill(9) } } as const;
    const answer = answered(offer, { port: 30_000, srtp: theirs });
    const agreed = readAnswer(answer.answer, offer);
    assert(agreed.kind === 'agreed');
    assert.deepEqual(agreed.srtp?.sendKey, answer.srtp?.receiveKey);
    assert.deepEqual(agreed.srtp?.receiveKey, answer.srtp?.sendKey);
    const later = writeOffer({ ...ours, version: 2, srtp: srtp(mode), previous: offer });
    assert.deepEqual(later.match(/^a=crypto.*$/gm), offer.match(/^a=crypto.*$/gm), 'the same keys again');
    const plain = readAnswer(sdp(`m=audio 4000 RTP/${mode === 'required' ? 'S' : ''}AVP 8`), offer);
    assert.equal(why(plain), mode === 'required' ? 'secure-only' : 'agreed');
  }
});
