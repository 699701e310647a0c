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
  const person = desk.directory.personByNumber(number);
  const { from, ...rest } = options;
  // A call that is handed on takes heed of its new callee's wishes like any other.
  return await desk.seeker.seek(number, destination, {
    ...rest,
    isUrgent: isUrgentFrom(asker.party, desk),
    note: noteOf(asker, desk),
    signal: options.signal ?? new AbortController().signal,
    asks: { ...(account === undefined ? {} : { account }), ...(trunk === undefined ? {} : { trunk }) },
    from: { number: from.number, ...(from.name ? { name: from.name.zh } : {}) },
    party: { number, ...(person ? { person: person.id, name: person.name } : {}) },
  });
}

/** Whether somebody's calls ring also who does not want to be disturbed: by his right, or as an important caller. */
export function isUrgentFrom({ account, isVip }: Party, { directory }: Pick<Desk, 'directory'>): boolean {
  return isVip ?? (account !== undefined && (directory.authorityOf(account)?.rights.has('priority') ?? false));
}

/** Puts what happens on the way of a call onto the timeline of the talk that it comes from. */
function noteOf(asker: Leg, { calls }: Desk): (kind: string, data: Record<string, unknown>) => void {
  const call = calls.of(asker);
  return (kind, data) => call && calls.note(call, kind, data);
}

function wayFor({ party }: Leg, dialled: string, desk: Desk): Destination {
  const { account, trunk, number: calling } = party;
  return route({ dialled, calling, account, trunk, atMs: desk.clock.now() }, desk.routingBook).destination;
}
