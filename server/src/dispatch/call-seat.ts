import { DispatchError } from '#kernel/errors.ts';
import type { Leg } from '#calls/leg.ts';
import type { Actor, Desk } from './desk.ts';

/** The seat's phone answers itself; longer than this and it is not there. */
const SEAT_ANSWERS_WITHIN_MS = 10_000;

/**
 * Calls the dispatcher's own phone for something he has just asked for; it answers without ringing.
 * @throws DispatchError ENDPOINT_UNREGISTERED when his seat has no phone that answers
 */
export async function callSeat(actor: Actor, from: { number: string; name: string }, desk: Desk): Promise<Leg> {
  if (!actor.account) throw new DispatchError('ENDPOINT_UNREGISTERED', actor.name);
  const person = desk.directory.personByNumber(actor.account);
  const outcome = await desk.dialler.dial(
    { number: actor.account },
    {
      ringForMs: SEAT_ANSWERS_WITHIN_MS,
      from,
      party: {
        number: actor.account,
        account: actor.account,
        ...(person ? { person: person.id, name: person.name } : {}),
      },
      answersItself: true,
    },
  );
  if (outcome.kind !== 'answered') throw new DispatchError('ENDPOINT_UNREGISTERED', actor.account);
  return outcome.leg;
}
