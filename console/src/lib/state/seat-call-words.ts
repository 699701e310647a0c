import { duration, readableNumber } from '#i18n/format.ts';
import { nameOf, t } from '#i18n/language.svelte.ts';
import { clock } from './clock.svelte.ts';
import { personName } from './names.ts';
import type { SeatCall } from './seat-calls.ts';
import { live, session } from './session.svelte.ts';

/** Who is at the other end: a person, a number, a conference. */
export function whoIs(call: SeatCall): string {
  const conference = conferenceOf(call);
  if (conference) return t.desk.conferenceTitle(conference.number);
  return call.person ? personName(call.person) : call.name ? nameOf(call.name) : readableNumber(call.number);
}

/** What this seat is in it: on hold, or in the chair. */
export function roleIn(call: SeatCall): string {
  if (call.state === 'held') return t.phone.held;
  const isChair = conferenceOf(call)?.participants.some(
    (party) => party.isChair && party.number === session.me?.phone?.account,
  );
  return isChair ? t.phone.chair : '';
}

/** The alarm that it belongs to, in short. */
export function alarmOf(call: SeatCall): string {
  const alarm = call.alarm ? live.alarms.get(call.alarm) : undefined;
  return alarm ? (nameOf(alarm.title).split(' · ')[0] ?? '') : '';
}

/** How long it is in this state, and with whom. */
export function stateLine(call: SeatCall): string {
  const age = duration(clock.now - call.since);
  if (call.state === 'dialling') return `${t.phone.dialling} ${age}`;
  if (call.state === 'ringing') return `${t.phone.ringing} ${age}`;
  const conference = conferenceOf(call);
  return conference
    ? `${age} · ${t.common.people(conference.participants.filter(({ state }) => state === 'in').length)}`
    : `${age} · ${readableNumber(call.number)}`;
}

function conferenceOf({ conference }: SeatCall) {
  return conference ? live.conferences.get(conference) : undefined;
}
