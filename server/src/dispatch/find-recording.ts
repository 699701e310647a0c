import { DispatchError } from '#kernel/errors.ts';
import type { Desk } from './desk.ts';

/** Where the recording with this hash lies, below the data folder. @throws DispatchError NOT_FOUND */
export async function findRecording(sha256: string, { store }: Pick<Desk, 'store'>): Promise<{ path: string }> {
  const [row] = await store.query<{ file: string }>('select file from recordings where sha256 = $1 limit 1', [sha256]);
  if (!row) throw new DispatchError('NOT_FOUND', 'no recording has this hash');
  return { path: row.file };
}
