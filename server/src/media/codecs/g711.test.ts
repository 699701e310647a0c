import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CODE_OF, decodeG711, encodeG711, LINEAR_OF } from './g711.ts';
import { ffmpeg } from './test-ffmpeg.ts';

const everySample = Int16Array.from({ length: 65_536 }, (_, i) => i - 32_768);
const everyCode = Uint8Array.from({ length: 256 }, (_, i) => i);

test('A-law codes are those of ITU-T G.711 table 1 for all 65,536 samples', () => {
  // Table 1a: segment ends of positive values in units of 1/4096 full scale; here in 16 bits.
  for (const sample of everySample) {
    const magnitude = sample < 0 ? -sample - 1 : sample;
    const segment = magnitude < 256 ? 0 : Math.floor(Math.log2(magnitude)) - 7;
    const step = segment < 2 ? 16 : 16 << (segment - 1);
    const interval =
      segment === 0 ? Math.floor(magnitude / 16) : Math.floor((magnitude - (256 << (segment - 1))) / step);
    const code = ((sample < 0 ? 0 : 0x80) | (segment << 4) | interval) ^ 0x55;
    assert.equal(CODE_OF.pcma[sample & 0xffff], code, `sample ${sample}`);
  }
});

test('every code comes back as itself when decoded and encoded again', () => {
  assert.deepEqual(encodeG711('pcma', decodeG711('pcma', everyCode)), everyCode);
  const again = encodeG711('pcmu', decodeG711('pcmu', everyCode));
  // µ-law has two zeros; both decode to 0, which has one code.
  assert.deepEqual(
    again,
    everyCode.map((code) => (code === 0x7f ? 0xff : code)),
  );
});

test('decoding agrees with known values of the tables', () => {
  assert.deepEqual(
    [0xd5, 0x55, 0xaa, 0x2a].map((code) => LINEAR_OF.pcma[code]),
    [8, -8, 32_256, -32_256],
  );
  assert.deepEqual(
    [0xff, 0x7f, 0x80, 0x00].map((code) => LINEAR_OF.pcmu[code]),
    [0, 0, 32_124, -32_124],
  );
});

test('decoding agrees with ffmpeg for every code, and A-law encoding of every decoded value', () => {
  for (const [law, name] of [
    ['pcma', 'alaw'],
    ['pcmu', 'mulaw'],
  ] as const) {
    const mono = ['-ar', '8000', '-ac', '1'];
    const theirs = ffmpeg(['-f', name, ...mono], ['-f', 's16le'], everyCode);
    assert.deepEqual(new Uint8Array(decodeG711(law, everyCode).buffer), theirs);
    const linear = new Uint8Array(decodeG711(law, everyCode).buffer);
    assert.deepEqual(
      encodeG711(law, decodeG711(law, everyCode)),
      ffmpeg(['-f', 's16le', ...mono], ['-f', name], linear),
    );
  }
});

test('no code decodes to the value that marks a hole in the jitter buffer', () => {
  for (const law of ['pcma', 'pcmu'] as const) assert.ok(!LINEAR_OF[law].includes(-32_768));
});
