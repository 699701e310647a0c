import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeG711 } from './codecs/g711.ts';
import { readWav, toMono, wavHeader, writeWav } from './wav.ts';

const soundOf = (bytes: Uint8Array) => {
  const reading = readWav(bytes);
  assert.ok(reading.kind === 'sound', JSON.stringify(reading));
  return reading.sound;
};

/** A file with a format chunk of our choosing. */
function file(format: { code: number; channels: number; rateHz: number; bits: number }, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(44 + data.length);
  bytes.set(wavHeader({ ...format, dataBytes: data.length }));
  const view = new DataView(bytes.buffer);
  view.setUint16(20, format.code, true);
  view.setUint16(34, format.bits, true);
  bytes.set(data, 44);
  return bytes;
}

test('what is written reads the same, mono and stereo', () => {
  const sound = { rateHz: 8000, channels: [Int16Array.of(1, -2, 32_767), Int16Array.of(-32_768, 0, 5)] };
  assert.deepEqual(soundOf(writeWav(sound)), sound);
  assert.deepEqual([...toMono(sound)], [-16_383, -1, 16_386]);
});

test('8, 24 and 32 bits, float, A-law and µ-law are read', () => {
  const base = { channels: 1, rateHz: 8000 };
  assert.deepEqual(
    [...soundOf(file({ ...base, code: 1, bits: 8 }, Uint8Array.of(128, 255, 0))).channels[0]!],
    [0, 32_512, -32_768],
  );
  assert.deepEqual(
    [...soundOf(file({ ...base, code: 1, bits: 24 }, Uint8Array.of(9, 0x34, 0x12))).channels[0]!],
    [0x1234],
  );
  assert.deepEqual(
    [...soundOf(file({ ...base, code: 1, bits: 32 }, Uint8Array.of(9, 9, 0x34, 0x12))).channels[0]!],
    [0x1234],
  );
  assert.deepEqual(
    [...soundOf(file({ ...base, code: 3, bits: 32 }, new Uint8Array(Float32Array.of(1, -2, 0).buffer))).channels[0]!],
    [32_767, -32_768, 0],
  );
  assert.deepEqual(
    [...soundOf(file({ ...base, code: 6, bits: 8 }, encodeG711('pcma', Int16Array.of(8, -8)))).channels[0]!],
    [8, -8],
  );
});

test('chunks before the data are passed over, and a data length that was never set means the rest', () => {
  const bytes = writeWav({ rateHz: 8000, channels: [Int16Array.of(1, 2, 3, 4)] });
  const list = new TextEncoder().encode('LIST\x03\0\0\0abc\0');
  const longer = Uint8Array.from([...bytes.subarray(0, 36), ...list, ...bytes.subarray(36)]);
  assert.deepEqual([...soundOf(longer).channels[0]!], [1, 2, 3, 4]);
  for (const length of [0, 0xffffffff]) {
    new DataView(bytes.buffer).setUint32(40, length, true);
    assert.deepEqual([...soundOf(bytes).channels[0]!], [1, 2, 3, 4]);
  }
});

test('what is no WAV is refused in words', () => {
  for (const bytes of [
    new Uint8Array(0),
    new Uint8Array(100),
    writeWav({ rateHz: 8000, channels: [] }).subarray(0, 40),
  ])
    assert.equal(readWav(bytes).kind, 'refused');
  assert.equal(readWav(file({ code: 85, channels: 1, rateHz: 8000, bits: 16 }, new Uint8Array(4))).kind, 'refused');
});
