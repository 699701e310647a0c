import type { CallSettings } from '@tocsin/protocol/call-settings.ts';
import type { CommandOf } from '@tocsin/protocol/console.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Actor, Desk } from './desk.ts';

/** What a phone's owner wants done with its calls: his own, or anybody's for an administrator. */
export async function changeCallSettings(
  { account, change }: CommandOf<'call-settings.change'>,
  actor: Actor,
  desk: Desk,
): Promise<CallSettings> {
  requireOwn(account, actor.user, desk);
  const settings = await desk.directory.callSettings.change(account, change);
  await noteChange(account, actor.user, change, desk);
  return settings;
}

/** Puts a change on the timeline; `by` is a user, or the number of the phone whose keys did it. */
export async function noteChange(
  account: string,
  by: string,
  change: CommandOf<'call-settings.change'>['change'],
  { timeline, directory }: Pick<Desk, 'timeline' | 'directory'>,
): Promise<void> {
  const person = directory.account(account)?.person;
  await timeline.append({
    kind: 'account.call-settings-changed',
    actor: by,
    ...(person ? { person } : {}),
    data: { account, change },
  });
}

/** @throws DispatchError RIGHT_MISSING when the phone is somebody else's and the user does not administer */
export function requireOwn(account: string, userId: string, { directory }: Pick<Desk, 'directory'>): void {
  if (!directory.account(account)) throw new DispatchError('ENDPOINT_UNKNOWN', account);
  const user = directory.user(userId);
  const isOwn =
    user?.account === account || (user?.person !== undefined && directory.account(account)?.person === user.person);
  if (isOwn) return;
  if (!user || !directory.role(user.role)?.rights.includes('administer'))
    throw new DispatchError('RIGHT_MISSING', 'administer');
}
