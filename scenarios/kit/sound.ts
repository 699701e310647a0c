import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readWav, toMono, toneLevelDb, writeWav } from '@tocsin/server/media';

/** Writes a tone of this length as 16-bit mono WAV. `hz` is whole, so that one second is like the next and made once. */
export async function writeTone(path: string, hz: number, seconds: number, rateHz = 8000): Promise<void> {
  const second = Int16Array.from({ length: rateHz }, (_, i) =>
    Math.round(9000 * Math.sin((2 * Math.PI * hz * i) / rateHz)),
  );
  const samples = new Int16Array(Math.round(seconds * rateHz));
  for (let at = 0; at < samples.length; at += rateHz) samples.set(second.subarray(0, samples.length - at), at);
  await writeFile(path, writeWav({ rateHz, channels: [samples] }));
}

export interface Heard {
  rateHz: number;
  samples: Int16Array;
}

/** Reads a recording, also one that is still being written. */
export async function readSound(path: string): Promise<Heard> {
  const read = readWav(await readFile(path));
  if (read.kind === 'refused') throw new Error(`${path}: ${read.why}`);
  return { rateHz: read.sound.rateHz, samples: toMono(read.sound) };
}

/** Level of a tone within a stretch of what was heard, in dB below full scale: about −10 when it is there, below −50 when not. */
export function toneDb({ samples, rateHz }: Heard, hz: number, fromS = 0, toS = Infinity): number {
  const part = samples.subarray(Math.round(fromS * rateHz), toS === Infinity ? undefined : Math.round(toS * rateHz));
  return toneLevelDb(part, hz, rateHz);
}

/** The loudest that a tone ever was, over windows of a quarter of a second: for tones that come and go. */
export function loudestToneDb(heard: Heard, hz: number, fromS = 0, toS = Infinity): number {
  const windowS = 0.25;
  const endS = Math.min(toS, heard.samples.length / heard.rateHz);
  let loudest = -127;
  for (let at = fromS; at + windowS <= endS; at += windowS)
    loudest = Math.max(loudest, toneDb(heard, hz, at, at + windowS));
  return loudest;
}

/** The newest file of a folder whose name matches. */
export async function newestFile(folder: string, pattern: RegExp): Promise<string | undefined> {
  const names = (await readdir(folder)).filter((name) => pattern.test(name)).sort();
  const newest = names.at(-1);
  return newest === undefined ? undefined : join(folder, newest);
}
