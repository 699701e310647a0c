import { askToConfirm } from '#calls/confirm.ts';
import { route } from '#calls/routing/route.ts';
import { Seeker } from '#calls/seek.ts';
import { waitForPhone } from './call-waiting.ts';
import type { Desk } from './desk.ts';

/** The way of calls by the wishes of those who are called, made of the house's nouns. */
export function openSeeker(
  house: Pick<
    Desk,
    'calls' | 'waiting' | 'dialler' | 'directory' | 'routingBook' | 'lamps' | 'phones' | 'engine' | 'clock' | 'log'
  >,
): Seeker {
  const { dialler, directory, routingBook, lamps, phones, clock } = house;
  return new Seeker({
    clock,
    dial: (target, options) => dialler.dial(target, options),
    wayTo: (number, account) =>
      route({ dialled: number, calling: account ?? '', account, atMs: clock.now() }, routingBook).destination,
    group: (number) => directory.site.huntGroups.find((each) => each.number === number),
    settings: (account) => directory.callSettings.get(account),
    isRegistered: (account) => phones.isRegistered(account),
    isBusy: (account) => !lamps.isFree(account),
    wait: (account, options) => waitForPhone(account, options, house),
    freeSince: (account) => lamps.freeSince(account),
    isAway: (account) => {
      const person = directory.account(account)?.person;
      return person !== undefined && directory.person(person)?.absence !== undefined;
    },
    confirm: (leg, forMs, signal) => askToConfirm(leg, { purpose: 'take', forMs, signal }, house),
  });
}
