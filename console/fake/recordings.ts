/** Sound for the stand-in's recordings: bursts of a voice-like hum with pauses, 16-bit PCM at 8 kHz, the same for the same name. */
export function fakeWav(name: string, ms: number): Buffer {
  const samples = Math.round(ms * 8);
  const file = Buffer.alloc(44 + samples * 2);
  file.write('RIFF', 0);
  file.writeUInt32LE(36 + samples * 2, 4);
  file.write('WAVEfmt ', 8);
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(8000, 24);
  file.writeUInt32LE(16_000, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write('data', 36);
  file.writeUInt32LE(samples * 2, 40);
  let seed = [...name].reduce((sum, sign) => (sum * 31 + sign.charCodeAt(0)) >>> 0, 7);
  const chance = () => ((seed = (seed * 1664525 + 1013904223) >>> 0), seed / 4294967296);
  let loudness = 0;
  let target = 0.5;
  for (let i = 0; i < samples; i++) {
    // A syllable lasts 180 ms; one in four is a breath.
    if (i % 1440 === 0)
      target = chance() < 0.24 ? 0.004 : 0.05 + chance() ** 2 * 0.5 * (0.55 + 0.45 * Math.sin(i / 52_000));
    loudness += (target - loudness) * 0.004;
    const sound = Math.sin(i * 0.11) * 0.6 + Math.sin(i * 0.23) * 0.3 + (chance() - 0.5) * 0.3;
    file.writeInt16LE(Math.max(-32_000, Math.min(32_000, Math.round(sound * loudness * 32_000))), 44 + i * 2);
  }
  return file;
}
