import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sine, similarity, toneLevelDb } from '../measure.ts';
import { OpusDecoder, OpusEncoder } from './opus.ts';

/** Packets of a sound of 16 kHz. */
function packetsOf(samples: Int16Array, encoder = new OpusEncoder()): Uint8Array[] {
  const packets = [];
  for (let at = 0; at + 320 <= samples.length; at += 320) {
    const packet = new Uint8Array(640);
    packets.push(packet.subarray(0, encoder.encode(samples.subarray(at, at + 320), packet)));
  }
  return packets;
}

/** Voice-like: a pitch of 120 Hz whose colour moves. */
const VOICE = Int16Array.from({ length: 64_000 }, (_, i) => {
  let sum = 0;
  for (let k = 1; k < 25; k += 1)
    sum += Math.sin((2 * Math.PI * 120 * k * i) / 16_000) / (1 + Math.abs(k - 8 - 6 * Math.sin(i / 5000)));
  return Math.round(3000 * sum);
});

test('a tone that no telephone carries comes through Opus', () => {
  const decoder = new OpusDecoder();
  const heard = new Int16Array(16_000);
  const frame = new Int16Array(1920);
  packetsOf(sine({ hz: 1000, durationMs: 1000, rateHz: 16_000 })).forEach((packet, index) => {
    assert.equal(decoder.decode(packet, 0, packet.length, frame), 320);
    heard.set(frame.subarray(0, 320), index * 320);
  });
  assert.ok(Math.abs(toneLevelDb(heard.subarray(3200), 1000, 16_000) + 10) < 1.5);
});

test('a lost packet comes back from the next one', () => {
  const packets = packetsOf(VOICE);
  const decode = (lost: (index: number) => boolean, isRecovering: boolean) => {
    const decoder = new OpusDecoder();
    const heard = new Int16Array(VOICE.length);
    const frame = new Int16Array(1920);
    packets.forEach((packet, index) => {
      if (lost(index)) return;
      if (isRecovering && index > 0 && lost(index - 1)) {
        assert.equal(decoder.recover(packet, 0, packet.length, frame), 320);
        heard.set(frame.subarray(0, 320), (index - 1) * 320);
      }
      decoder.decode(packet, 0, packet.length, frame);
      heard.set(frame.subarray(0, 320), index * 320);
    });
    return heard;
  };
  const whole = decode(() => false, false);
  const isLost = (index: number) => index % 8 === 5;
  const recovered = similarity(whole, decode(isLost, true), 10).similarity;
  const holes = similarity(whole, decode(isLost, false), 10).similarity;
  assert.ok(recovered > 0.97 && recovered > holes, `${recovered} against ${holes}`);
});

test('an encoder that was copied says the same as the other', () => {
  const [first, second] = [new OpusEncoder(), new OpusEncoder()];
  packetsOf(VOICE.subarray(0, 6400), first);
  second.copyFrom(first);
  const rest = VOICE.subarray(6400, 12_800);
  const [a, b] = [packetsOf(rest, first), packetsOf(rest, second)];
  assert.equal(Buffer.compare(Buffer.concat(a), Buffer.concat(b)), 0);
});

test('bytes that are no Opus are no sound, and do no harm', () => {
  const decoder = new OpusDecoder();
  const frame = new Int16Array(1920);
  assert.equal(decoder.decode(new Uint8Array(2000), 0, 2000, frame), 0);
  assert.equal(decoder.decode(Uint8Array.of(0xff, 0xff), 0, 2, frame), 0);
  assert.equal(decoder.decode(new Uint8Array(0), 0, 0, frame), 0);
});
