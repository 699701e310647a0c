import assert from 'node:assert/strict';
import { test } from 'node:test';
import { capture } from './test-captures.ts';
import { readBrowserAudio, writeWebRtc, type BrowserAudio, type OurWebRtcAudio } from './web-rtc.ts';

const ours: Omit<OurWebRtcAudio, 'setup' | 'direction'> = {
  sessionId: '42',
  version: 1,
  ice: { ufrag: 'abcd', pwd: 'a-long-password' },
  candidates: [
    {
      foundation: 'udpcandidate',
      priority: 1076302079,
      address: '127.0.0.1',
      protocol: 'udp',
      port: 40000,
      type: 'host',
    },
    {
      foundation: 'tcpcandidate',
      priority: 1076276479,
      address: '127.0.0.1',
      protocol: 'tcp',
      port: 40000,
      type: 'host',
      tcpType: 'passive',
    },
  ],
  fingerprint: { algorithm: 'sha-256', value: 'AA:BB' },
  codec: 'pcma',
  payloadType: 8,
  telephoneEventPayloadType: 126,
  ssrc: { id: 1234, cname: 'tocsin-1' },
};

function read(text: string): BrowserAudio {
  const outcome = readBrowserAudio(text);
  assert(outcome.kind === 'read', JSON.stringify(outcome));
  return outcome;
}

test('of Chromium’s offer Opus is taken, or A-law where that is wanted, and the telephone-event of 8 kHz', () => {
  const wanted = readBrowserAudio(capture('sipjs-0.21.2-chromium-156'), ['pcma', 'opus']);
  assert.deepEqual(wanted.kind === 'read' && [wanted.codec, wanted.payloadType], ['pcma', 8]);
  const { codec, payloadType, telephoneEventPayloadType, ssrc, transport, direction } = read(
    capture('sipjs-0.21.2-chromium-156'),
  );
  assert.deepEqual([codec, payloadType, telephoneEventPayloadType, direction], ['opus', 111, 126, 'sendrecv']);
  assert.deepEqual(ssrc, { id: 272479075, cname: '2ulpUfu3eV15q9zs' });
  assert.equal(transport.ice.ufrag, 'X1Xc');
  assert.equal(transport.fingerprint.algorithm, 'sha-256');
  assert.deepEqual([transport.mid, transport.setup], ['0', 'actpass']);
});

test('Firefox keeps the fingerprint in the session’s part and counts payload types its own way', () => {
  const { telephoneEventPayloadType, transport } = read(capture('firefox-style'));
  assert.equal(telephoneEventPayloadType, 101);
  // A name of digits only is still a name.
  assert.deepEqual(transport.ice, { ufrag: '12345678', pwd: '0123456789012345678901234567890' });
});

test('the answer has the offer’s mid, one codec, one telephone-event and all candidates', () => {
  const answers = read(capture('sipjs-0.21.2-chromium-156'));
  const answer = writeWebRtc({ ...ours, setup: 'passive', direction: 'recvonly', answers });
  assert.equal(
    answer,
    [
      'v=0',
      'o=tocsin 42 1 IN IP4 127.0.0.1',
      's=-',
      't=0 0',
      'a=ice-lite',
      'a=group:BUNDLE 0',
      'a=msid-semantic: WMS *',
      'm=audio 40000 UDP/TLS/RTP/SAVPF 8 126',
      'c=IN IP4 127.0.0.1',
      'a=mid:0',
      'a=ice-ufrag:abcd',
      'a=ice-pwd:a-long-password',
      'a=candidate:udpcandidate 1 udp 1076302079 127.0.0.1 40000 typ host',
      'a=candidate:tcpcandidate 1 tcp 1076276479 127.0.0.1 40000 typ host tcptype passive',
      'a=end-of-candidates',
      'a=fingerprint:sha-256 AA:BB',
      'a=setup:passive',
      'a=rtcp-mux',
      'a=rtcp-rsize',
      'a=rtpmap:8 PCMA/8000',
      'a=rtpmap:126 telephone-event/8000',
      'a=fmtp:126 0-16',
      'a=ptime:20',
      'a=recvonly',
      'a=msid:tocsin-1 a0',
      'a=ssrc:1234 cname:tocsin-1',
      '',
    ].join('\r\n'),
  );
});

test('a video line of the offer is refused in its place and left out of the bundle', () => {
  const answers = read(capture('chromium-156-video-first'));
  const answer = writeWebRtc({ ...ours, setup: 'passive', direction: 'sendrecv', answers });
  assert.match(answer, /^a=group:BUNDLE 1\r$/m);
  assert.match(answer, /^m=video 0 UDP\/TLS\/RTP\/SAVPF 96 [^]*^a=mid:0\r\na=inactive\r\nm=audio 40000/m);
});

test('an address of 0.0.0.0 beside ICE is no hold: after an ICE restart nothing has been gathered yet', () => {
  const offer = capture('sipjs-0.21.2-chromium-156').replace('c=IN IP4 127.0.0.1', 'c=IN IP4 0.0.0.0');
  assert.equal(read(offer).direction, 'sendrecv');
});

test('what we offer can be read back', () => {
  const { telephoneEventPayloadType, ssrc, transport } = read(
    writeWebRtc({ ...ours, setup: 'actpass', direction: 'sendrecv' }),
  );
  assert.deepEqual([telephoneEventPayloadType, ssrc?.id, transport.mid], [126, 1234, '0']);
});

test('a browser that shares no codec, or brings no keys, is refused', () => {
  const offer = capture('sipjs-0.21.2-chromium-156');
  const why = (text: string) => {
    const outcome = readBrowserAudio(text);
    return outcome.kind === 'refused' ? outcome.why : outcome.kind;
  };
  assert.equal(why(offer.replace('111 63 9 0 8 13 110 126', '63 9')), 'no-common-codec');
  assert.equal(why(offer.replace(/a=fingerprint.*\r\n/, '')), 'malformed');
  assert.equal(why(offer.replace('sha-256', 'md5')), 'malformed');
  assert.equal(why(offer.replace('sha-256 9F', 'sha-256 9G')), 'malformed');
  assert.equal(why(offer.replace('m=audio', 'm=text')), 'no-audio');
  assert.equal(why(''), 'malformed');
});
