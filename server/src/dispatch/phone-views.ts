import type { PhoneView } from '@tocsin/protocol/views.ts';
import type { Desk } from './desk.ts';

type Parts = Pick<Desk, 'directory' | 'lamps' | 'phones'>;

/** Every phone of the house, as it stands now. */
export function phoneViews(desk: Parts): PhoneView[] {
  return desk.directory.site.accounts.map(({ user }) => phoneView(user, desk)!);
}

/** One phone; undefined when the site has no such account. */
export function phoneView(id: string, { directory, lamps, phones }: Parts): PhoneView | undefined {
  const account = directory.account(id);
  if (!account) return undefined;
  const person = directory.personByNumber(id);
  const name = account.name ?? person?.name;
  const { doNotDisturb, forwardAlways } = directory.callSettings.get(id);
  const lamp = lamps.of(id);
  return {
    id,
    ...(name ? { name } : {}),
    ...(person ? { person: person.id } : {}),
    ...lamp,
    state: lamp.state === 'idle' && !phones.isRegistered(id) ? 'unregistered' : lamp.state,
    doNotDisturb,
    ...(forwardAlways ? { forwardsTo: forwardAlways } : {}),
  };
}
