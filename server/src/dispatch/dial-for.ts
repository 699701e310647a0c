import type { DialOptions } from '#calls/dialler.ts';
import type { DialOutcome, Leg, Party } from '#calls/leg.ts';
import { route } from '#calls/routing/route.ts';
import type { Destination } from '#calls/routing/routing.ts';
import type { Desk } from './desk.ts';

/** Whether a phone of ours may call this number, and it leads to a phone. */
export function mayDial(asker: Leg, number: string, desk: Desk): boolean {
  const { kind } = wayFor(asker, number, desk);
  return kind === 'account' || kind === 'trunk';
}

/**
 * Dials a number on behalf of a phone of ours, with what that phone may: for a transfer, a consultation, a third party.
 * `from` is whom the called one sees.
 */
export async function dialFor(
  asker: Leg,
  number: string,
  desk: Desk,
  options: Omit<DialOptions, 'from' | 'party'> & { from: Party },
): Promise<DialOutcome> {
  const { account, trunk } = asker.party;
  const destination = wayFor(asker, number, desk);
  if (destination.kind !== 'account' && destination.kind !== 'trunk')
    return { kind: 'unreachable', why: 'unknown-number' };
  const person = desk.directory.personByNumber(number);
  const { from, ...rest } = options;
  return await desk.dialler.dial(
    { number, way: destination },
    {
      ...rest,
      asks: { ...(account === undefined ? {} : { account }), ...(trunk === undefined ? {} : { trunk }) },
      from: { number: from.number, ...(from.name ? { name: from.name.zh } : {}) },
      party: { number, ...(person ? { person: person.id, name: person.name } : {}) },
    },
  );
}

function wayFor({ party }: Leg, dialled: string, desk: Desk): Destination {
  const { account, trunk, number: calling } = party;
  return route({ dialled, calling, account, trunk, atMs: desk.clock.now() }, desk.routingBook).destination;
}
