import type { CareFile } from '@tocsin/protocol/directory.ts';
import type { CommandOf } from '@tocsin/protocol/console.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Actor, Desk } from './desk.ts';

/** Opens somebody's medical file. The view is on the timeline before the file is shown. */
export async function viewCareFile(
  { person: id, alarm }: CommandOf<'care.view'>,
  actor: Actor,
  desk: Desk,
): Promise<{ care: CareFile | null }> {
  const person = desk.directory.person(id);
  if (!person) throw new DispatchError('PERSON_UNKNOWN', id);
  await desk.timeline.append({
    kind: 'care.viewed',
    actor: actor.user,
    person: id,
    organisation: person.organisation,
    ...(alarm ? { alarm } : {}),
  });
  return { care: person.care ?? null };
}
