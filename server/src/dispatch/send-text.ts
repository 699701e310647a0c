import type { CommandOf } from '@tocsin/protocol/console.ts';
import type { Actor, Desk } from './desk.ts';
import { peopleOf } from './targets.ts';

/** Sends a short message by hand. Resolves when every message is durable; delivery follows on the timeline. */
export async function sendText({ targets, text, incident }: CommandOf<'text.send'>, actor: Actor, desk: Desk) {
  const batch = desk.chance.id('text');
  const people = peopleOf(targets, desk.directory).map((person) => ({ person: person.id }));
  const numbers = targets.flatMap((target) => ('number' in target ? [{ number: target.number }] : []));
  const sent = await desk.texts.sendAll(
    [...people, ...numbers].map((to, index) => ({
      id: `${batch}-${index}`,
      to,
      text,
      ...(incident ? { incident } : {}),
    })),
  );
  await desk.timeline.append({
    kind: 'text.ordered',
    actor: actor.user,
    ...(incident ? { incident } : {}),
    data: { text, people: people.length, numbers: numbers.length },
  });
  return { texts: sent.map((each) => each.id) };
}
