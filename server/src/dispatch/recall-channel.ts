import { open } from 'node:fs/promises';
import { DispatchError } from '#kernel/errors.ts';
import { WAV_HEADER_BYTES, writeWav } from '#media/wav.ts';
import { noteSoon } from '#timeline/note-soon.ts';
import type { Actor, Desk } from './desk.ts';

/** How much of what was just heard is given back. */
export const RECALLED_S = 30;
/** Recordings of bridges are 8 kHz, 16 bits, one channel. */
const RATE_HZ = 8000;
const BYTES_PER_SAMPLE = 2;

/**
 * The last 30 s of a channel, as a WAV, out of the recording that goes on meanwhile; of a patched channel those of its patch.
 * @throws DispatchError CHANNEL_UNKNOWN; NOT_FOUND while nobody listens to the channel, as it is not recorded then
 */
export async function recallChannel(id: string, actor: Actor, desk: Desk): Promise<Uint8Array> {
  const channel = desk.conferences.channel(id);
  const recording = await (channel.conference
    ? desk.conferences.get(channel.conference).recording.current
    : channel.recording);
  if (!recording) throw new DispatchError('NOT_FOUND', 'nobody listens to the channel');
  await using file = await open(recording.file);
  const { size } = await file.stat();
  const wanted = RECALLED_S * RATE_HZ * BYTES_PER_SAMPLE;
  const sound = Math.max(0, size - WAV_HEADER_BYTES);
  // Whole samples only: the file may have grown by half of one.
  const length = Math.min(wanted, sound - (sound % BYTES_PER_SAMPLE));
  const bytes = new Uint8Array(length);
  const { bytesRead } = await file.read(
    bytes,
    0,
    length,
    WAV_HEADER_BYTES + sound - (sound % BYTES_PER_SAMPLE) - length,
  );
  const samples = new Int16Array(bytes.buffer, 0, Math.floor(bytesRead / BYTES_PER_SAMPLE));
  await noteSoon({ kind: 'channel.recalled', actor: actor.user, data: { channel: id, recording: recording.id } }, desk);
  return writeWav({ rateHz: RATE_HZ, channels: [samples] });
}
