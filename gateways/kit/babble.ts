import { encodeG711 } from '@tocsin/server/media';

/** Vowels as two formants each, in hertz. */
const VOWELS = [
  [730, 1090],
  [270, 2290],
  [300, 870],
  [530, 1840],
  [570, 840],
] as const;

/**
 * Speech-like sound without words, for simulators: syllables of vowels over a voice of `pitchHz`, with pauses.
 * @returns A-law frames of 20 ms
 */
export function babble(options: { durationMs: number; pitchHz?: number; seed?: number }): Uint8Array[] {
  const { durationMs, pitchHz = 120, seed = 1 } = options;
  const samples = new Int16Array(Math.ceil(durationMs / 20) * 160);
  let random = seed >>> 0 || 1;
  const next = () => (random = (Math.imul(random, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  for (let at = 0; at < samples.length;) {
    const length = Math.floor(8000 * (0.14 + 0.12 * next()));
    const [first, second] = VOWELS[Math.floor(next() * VOWELS.length)]!;
    const pitch = pitchHz * (0.9 + 0.25 * next());
    for (let i = 0; i < length && at + i < samples.length; i++) {
      const time = i / 8000;
      const envelope = Math.sin((Math.PI * i) / length) ** 0.7;
      let sum = 0;
      // Harmonics of the voice, louder near the formants.
      for (let harmonic = 1; harmonic * pitch < 3200; harmonic++) {
        const hz = harmonic * pitch;
        const gain = 1 / (1 + ((hz - first) / 110) ** 2) + 0.6 / (1 + ((hz - second) / 160) ** 2) + 0.02;
        sum += gain * Math.sin(2 * Math.PI * hz * time);
      }
      samples[at + i] = Math.max(-32_000, Math.min(32_000, Math.round(4500 * envelope * sum)));
    }
    at += length + Math.floor(8000 * (next() < 0.2 ? 0.3 : 0.03));
  }
  return framesOf(samples);
}

/** Cuts 8 kHz samples into A-law frames of 20 ms; the last is filled with silence. */
export function framesOf(samples: Int16Array): Uint8Array[] {
  return Array.from({ length: Math.ceil(samples.length / 160) }, (_, index) => {
    const frame = new Int16Array(160);
    frame.set(samples.subarray(index * 160, index * 160 + 160));
    return encodeG711('pcma', frame);
  });
}
