import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { markDeleted, readRecording } from '#calls/recordings-store.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Desk } from './desk.ts';

/**
 * Deletes the sound of a recording for good. Who did it and why stays: on the timeline, where its hash stays too, and in the list of
 * recordings. It is on the timeline before the file goes.
 *
 * @throws DispatchError NOT_FOUND for one that is not sealed, or was deleted already
 */
export async function deleteRecording(
  id: string,
  { because, user }: { because: string; user: string },
  {
    store,
    timeline,
    clock,
    dataFolder,
    unpacked,
  }: Pick<Desk, 'store' | 'timeline' | 'clock' | 'dataFolder' | 'unpacked'>,
): Promise<void> {
  const recording = await readRecording(store, { id });
  if (!recording || recording.isDeleted) throw new DispatchError('NOT_FOUND', id);
  const { sha256, packedSha256, facts } = recording;
  // The packer may have put another file in its place since it was read.
  const file = await markDeleted(store, id, { atMs: clock.now(), by: user, because });
  if (file === undefined) throw new DispatchError('NOT_FOUND', id);
  const { call, incident, run } = facts;
  await timeline.append({
    kind: 'recording.deleted',
    actor: user,
    ...(call ? { call } : {}),
    ...(incident ? { incident } : {}),
    ...(run ? { run } : {}),
    data: { recording: id, title: facts.title, because, sha256, ...(packedSha256 ? { packedSha256 } : {}) },
  });
  await rm(join(dataFolder, file), { force: true });
  for (const hash of [sha256, packedSha256]) if (hash) await unpacked.forget(hash);
}
