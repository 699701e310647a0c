import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readWave, wavePath } from './waves.ts';

function wav(samples: Int16Array, extra = 0): Uint8Array {
  const file = new Uint8Array(44 + extra + samples.length * 2);
  const view = new DataView(file.buffer);
  const write = (at: number, text: string) => [...text].forEach((sign, i) => (file[at + i] = sign.charCodeAt(0)));
  write(0, 'RIFF');
  write(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, 8000, true);
  view.setUint16(34, 16, true);
  if (extra) {
    write(36, 'LIST');
    view.setUint32(40, extra - 8, true);
  }
  write(36 + extra, 'data');
  view.setUint32(40 + extra, samples.length * 2, true);
  samples.forEach((sample, i) => view.setInt16(44 + extra + i * 2, sample, true));
  return file;
}

test('a second of silence and a second of tone are told apart, other chunks are passed over', () => {
  const samples = Int16Array.from({ length: 16_000 }, (_, i) => (i < 8000 ? 0 : 8192));
  const wave = readWave(wav(samples, 20));
  assert.equal(wave?.ms, 2000);
  assert.equal(wave?.bars.length, 25);
  assert.equal(wave?.bars[0], 0);
  assert.equal(wave?.bars[24], 0.5);
});

test('what is no WAV file has no waveform', () => {
  assert.equal(readWave(new Uint8Array(100)), undefined);
});

test('strokes are drawn only where the screen is', () => {
  const wave = { bars: new Float32Array(1000).fill(1), ms: 80_000 };
  const path = wavePath(wave, { from: -500, pxPerMs: 0.1, left: 0, right: 30, middle: 20, height: 20 });
  assert.equal(path.split('M').length - 1, 10);
  assert.ok(path.startsWith('M1.5 10.0v20.0'));
});
