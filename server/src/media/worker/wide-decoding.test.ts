import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OpusEncoder } from '../codecs/opus.ts';
import { sine } from '../measure.ts';
import { WideDecoding } from './wide-decoding.ts';

test('Opus: what comes late is dropped, but a phone that counts anew is heard at once', () => {
  const encoder = new OpusEncoder();
  const packet = new Uint8Array(640);
  const length = encoder.encode(sine({ hz: 500, durationMs: 20, rateHz: 16_000 }), packet);
  const decoding = new WideDecoding('opus');
  const isTaken = (sequence: number) => decoding.follow(packet, 0, length, sequence, sequence * 960) >= 0;
  assert.ok(isTaken(40_000));
  assert.ok(isTaken(40_001));
  assert.ok(!isTaken(40_001), 'the same again');
  assert.ok(!isTaken(39_990), 'played past');
  assert.ok(isTaken(40_002));
  assert.ok(isTaken(39_000), 'a thousand behind is no straggler');
  assert.ok(isTaken(39_001));
  assert.ok(isTaken(10), 'nor is this');
  assert.ok(isTaken(65_535) || isTaken(11), 'and round the turn');
});
