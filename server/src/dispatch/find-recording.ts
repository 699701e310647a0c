import { readRecording } from '#calls/recordings-store.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Desk } from './desk.ts';

/** Where the recording with this hash lies, below the data folder. @throws DispatchError NOT_FOUND */
export async function findRecording(sha256: string, { store }: Pick<Desk, 'store'>): Promise<{ path: string }> {
  const recording = await readRecording(store, { sha256 });
  if (!recording) throw new DispatchError('NOT_FOUND', 'no recording has this hash');
  if (recording.isDeleted) throw new DispatchError('NOT_FOUND', 'the recording was deleted');
  return { path: recording.file };
}
