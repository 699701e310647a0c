import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { answerDirection, readAudioLine, writeAudio } from './sdp.ts';

test('what is written is read back, and foreign media lines are refused in place', () => {
  const offer = [
    'v=0',
    'o=- 1 1 IN IP4 10.0.0.1',
    's=-',
    'c=IN IP4 10.0.0.1',
    't=0 0',
    'm=video 5000 RTP/AVP 96',
    'a=rtpmap:96 H264/90000',
    'm=audio 4000 RTP/AVP 9 8 0 101',
    'c=IN IP4 10.0.0.9',
    'a=rtpmap:101 telephone-event/8000',
    'a=sendonly',
    '',
  ].join('\r\n');
  const line = readAudioLine(offer)!;
  assert.deepEqual(
    [line.host, line.port, line.direction, line.telephoneEventPayloadType],
    ['10.0.0.9', 4000, 'sendonly', 101],
  );
  assert.deepEqual(
    line.codecs.map(({ name }) => name),
    ['pcma', 'pcmu'],
  );
  const answer = writeAudio(
    { host: '127.0.0.1', port: 6000, sessionId: 7, version: 1, direction: 'recvonly' },
    { codecs: line.codecs.slice(0, 1) },
    line,
  );
  assert.match(answer, /m=video 0 RTP\/AVP 96\r\nm=audio 6000 RTP\/AVP 8\r\n/);
  assert.equal(readAudioLine(answer)!.port, 6000);
  assert.equal(answerDirection('sendonly', 'sendrecv'), 'recvonly');
  assert.equal(answerDirection('recvonly', 'recvonly'), 'inactive');
});

test('any text is read or left', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 400 }),
      (text) => void readAudioLine(`v=0\r\n${text}\r\nm=audio ${text}`),
    ),
  );
});
