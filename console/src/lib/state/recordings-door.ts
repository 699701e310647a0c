import type { RecordingBackup, RecordingList, RecordingQuery } from '@tocsin/protocol/recording.ts';
import { type Answered, ask } from './rest-door.ts';

export type RecordingWish = Partial<RecordingQuery>;

/** Recordings that fit, the newest first. */
export function readRecordings(wish: RecordingWish): Promise<Answered<RecordingList>> {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(wish))
    if (value !== undefined && value !== '') parameters.set(name, String(value));
  return ask('GET', `/api/recordings?${parameters}`);
}

export function deleteRecording(id: string, because: string): Promise<Answered<unknown>> {
  return ask('POST', `/api/recordings/${encodeURIComponent(id)}/deletion`, { because });
}

export function backUpRecordings(wish: RecordingWish, folder: string): Promise<Answered<RecordingBackup>> {
  return ask('POST', '/api/recordings/backups', { ...wish, folder });
}
