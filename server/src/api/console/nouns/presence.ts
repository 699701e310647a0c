import type { Person } from '@tocsin/protocol/directory.ts';
import type { PresenceView } from '@tocsin/protocol/views.ts';
import type { LampState } from '#calls/lamps.ts';
import type { Desk } from '#dispatch/desk.ts';
import type { NounDoor } from '../noun-door.ts';

/** The glyph on a person's key, from what is known now: in a conference, on a call, away, or whether his phone is there. */
export const presence: NounDoor<'presence'> = {
  noun: 'presence',
  all: (desk) => desk.directory.people().map((person) => presenceOf(person, desk)),
  watch(desk, changed) {
    const tell = (ids: Iterable<string | undefined>) => {
      for (const id of new Set(ids)) {
        const person = id === undefined ? undefined : desk.directory.person(id);
        if (person) changed(presenceOf(person, desk));
      }
    };
    desk.conferences.on('changed', (conference) => tell(conference.participants().map((each) => each.view.person)));
    desk.conferences.on('removed', () => tell(desk.directory.people().map((person) => person.id)));
    desk.calls.on('changed', ({ view }) => tell([view.from.person, view.to.person]));
    desk.lamps.on('changed', (account) => tell([desk.directory.personByNumber(account)?.id]));
    desk.phones.on('changed', (user) => tell([desk.directory.personByNumber(user)?.id]));
    desk.feeds.on('changed', (feed) => tell([feed.owner.id]));
  },
};

const PRESENCE_OF = { calling: 'dialling', ringing: 'ringing', talking: 'in', held: 'held' } as const satisfies Record<
  Exclude<LampState, 'idle'>,
  PresenceView['state']
>;

function presenceOf(person: Person, desk: Desk): PresenceView {
  const at = (state: PresenceView['state'], since: number): PresenceView => ({
    id: person.id,
    state,
    since,
    ...(person.location ? { location: person.location } : {}),
  });
  const places = desk.conferences
    .all()
    .filter((conference) => !conference.hasEnded)
    .flatMap((conference) => conference.participants().filter((each) => each.view.person === person.id));
  const place = places.find((each) => !each.isOut) ?? places[0];
  if (place) {
    const { state, stateSince, isSpeaking } = place.view;
    if (state === 'in') return at(isSpeaking ? 'speaking' : 'in', stateSince);
    if (state === 'held') return at('held', stateSince);
    if (state === 'dialling' || state === 'queued') return at('dialling', stateSince);
    if (state === 'ringing' || state === 'confirming') return at('ringing', stateSince);
    if (state === 'refused' || state === 'unanswered' || state === 'busy') return at(state, stateSince);
  }
  const call = desk.calls
    .all()
    .find(({ view }) => view.state !== 'ended' && (view.from.person === person.id || view.to.person === person.id));
  if (call)
    return at(
      call.view.state === 'ringing' ? 'ringing' : call.view.state === 'held' ? 'held' : 'in',
      call.view.answeredAt ?? call.view.startedAt,
    );
  // What his phone does that is no call of the list: it rings for a conference, a page, a group.
  for (const { dial } of person.numbers) {
    const lamp = desk.lamps.of(dial);
    if (lamp.state !== 'idle') return at(PRESENCE_OF[lamp.state], lamp.since);
  }
  if (person.absence) {
    const deputy = desk.directory.deputiesOf(person.id)[0];
    return { ...at('away', 0), ...(deputy ? { deputy: deputy.id } : {}) };
  }
  const hasOwnPhone = person.numbers.some((number) => desk.directory.account(number.dial));
  if (
    hasOwnPhone &&
    !person.numbers.some((number) => desk.phones.isRegistered(number.dial)) &&
    person.numbers.every((number) => desk.directory.account(number.dial))
  )
    return at('unregistered', 0);
  return at('idle', 0);
}
