import type { CommandOf } from '@tocsin/protocol/console.ts';
import { fillTemplate } from '#messages/template.ts';
import { textNumberOf } from '#messages/texts.ts';
import type { Actor, Desk } from './desk.ts';
import { peopleOf } from './targets.ts';

/** Sends a short message by hand. Resolves when every message is durable; delivery follows on the timeline. */
export async function sendText(command: CommandOf<'text.send'>, actor: Actor, desk: Desk) {
  const { targets, text, template, values, incident } = command;
  const batch = desk.chance.id('text');
  const { directory, clock } = desk;
  const written = (name: string, title: string, number: string) =>
    template === undefined
      ? text
      : fillTemplate(text, {
          recipient: { name, title, number },
          sender: actor.name,
          site: directory.site.name.zh,
          atMs: clock.now(),
          values,
        });
  const people = peopleOf(targets, directory).map((person) => ({
    to: { person: person.id },
    text: written(person.name.zh, person.title, textNumberOf(person) ?? ''),
  }));
  const numbers = targets.flatMap((target) =>
    'number' in target ? [{ to: { number: target.number }, text: written(target.number, '', target.number) }] : [],
  );
  const sent = await desk.texts.sendAll(
    [...people, ...numbers].map((each, index) => ({
      id: `${batch}-${index}`,
      ...each,
      actor: actor.user,
      ...(incident ? { incident } : {}),
    })),
  );
  await desk.timeline.append({
    kind: 'text.ordered',
    actor: actor.user,
    ...(incident ? { incident } : {}),
    data: { text, people: people.length, numbers: numbers.length, ...(template ? { template } : {}) },
  });
  return { texts: sent.map((each) => each.id) };
}
