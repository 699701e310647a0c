import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWav } from '#media/wav.ts';

const RATE_HZ = 8000;
/** Seconds of one note; a held caller hears a slow, soft melody that he cannot mistake for a fault or a ringing tone. */
const NOTE_S = 0.9;
/** A pentatonic phrase, in Hz; 0 is a rest. */
const MELODY_HZ = [392, 440, 523, 587, 523, 440, 392, 0, 330, 392, 440, 523, 440, 392, 330, 0];

/** The music that a held caller hears, composed once into `folder`. Returns its path. */
export async function holdMusic(folder: string): Promise<string> {
  const path = join(folder, 'hold-music.wav');
  if (existsSync(path)) return path;
  await mkdir(folder, { recursive: true });
  const samples = new Int16Array(Math.round(MELODY_HZ.length * NOTE_S * RATE_HZ));
  MELODY_HZ.forEach((hz, index) => {
    const start = Math.round(index * NOTE_S * RATE_HZ);
    // Each note rings on into the next one and a half, as a struck string does.
    for (let i = 0; i < NOTE_S * RATE_HZ * 2.5 && start + i < samples.length && hz > 0; i += 1) {
      const t = i / RATE_HZ;
      const attack = Math.min(1, t / 0.02);
      const tone = Math.sin(2 * Math.PI * hz * t) + 0.25 * Math.sin(4 * Math.PI * hz * t);
      samples[start + i]! += Math.round(2600 * attack * Math.exp(-t * 1.8) * tone);
    }
  });
  await writeFile(path, writeWav({ rateHz: RATE_HZ, channels: [samples] }));
  return path;
}
