import { writeFile } from 'node:fs/promises';
import { writeWav } from '@tocsin/server/media';

const RATE_HZ = 48_000;

/**
 * Writes what a browser's microphone hears: a tone that comes and goes twice a second, as the browser would take a steady
 * one for noise and remove it.
 */
export async function writeMicrophone(path: string, hz: number): Promise<void> {
  const samples = Int16Array.from({ length: 10 * RATE_HZ }, (_, i) => {
    const isOn = (i / RATE_HZ) % 0.5 < 0.3;
    return isOn ? Math.round(12_000 * Math.sin((2 * Math.PI * hz * i) / RATE_HZ)) : 0;
  });
  await writeFile(path, writeWav({ rateHz: RATE_HZ, channels: [samples] }));
}
