import { join } from 'node:path';
import { readRecording } from '#calls/recordings-store.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Desk } from './desk.ts';

/** The whole path of a WAV of the recording: the file itself, or what was packed, unpacked. @throws DispatchError NOT_FOUND */
export async function findWav(sha256: string, desk: Pick<Desk, 'store' | 'dataFolder' | 'unpacked'>): Promise<string> {
  const { path } = await findRecording(sha256, desk);
  return await desk.unpacked.wavOf(join(desk.dataFolder, path), sha256);
}

/** Where the recording with this hash lies, below the data folder. @throws DispatchError NOT_FOUND */
export async function findRecording(sha256: string, { store }: Pick<Desk, 'store'>): Promise<{ path: string }> {
  const recording = await readRecording(store, { sha256 });
  if (!recording) throw new DispatchError('NOT_FOUND', 'no recording has this hash');
  if (recording.isDeleted) throw new DispatchError('NOT_FOUND', 'the recording was deleted');
  return { path: recording.file };
}
