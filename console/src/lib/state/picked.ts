import type { Target } from '@tocsin/protocol/console.ts';
import { t } from '#i18n/language.svelte.ts';
import { phone } from '#phone/phone.svelte.ts';
import { act } from './act.ts';
import { conferenceOnBoard } from './parties.ts';
import { desk } from './desk.svelte.ts';
import { personName } from './names.ts';
import { live, session } from './session.svelte.ts';
import { toasts } from './toasts.svelte.ts';

/** The people and groups among the selected keys, as the server takes them. */
export function pickedTargets(): Target[] {
  return [...desk.picked('person').map((person) => ({ person })), ...desk.picked('group').map((group) => ({ group }))];
}

export function boardConference() {
  return conferenceOnBoard(live.conferences.values(), desk.conference, session.me?.phone?.account);
}

const tell = (text: string) => void toasts.show({ kind: 'information', text });

/** Calls a person by the seat's phone: the first number, as the directory orders them. */
export async function callPerson(id: string): Promise<void> {
  const number = session.directory.people.get(id)?.numbers[0]?.dial;
  if (!number) return tell(t.desk.noNumber(personName(id)));
  await callNumber(number);
}

export async function callNumber(number: string): Promise<void> {
  if (!phone.isReady && phone.registration !== 'no-microphone') {
    toasts.show({ kind: 'warning', text: t.phone.notReady });
    return;
  }
  if (!(await phone.dial(number)) && phone.registration === 'no-microphone') {
    toasts.show({ kind: 'warning', text: t.phone.noMicrophone });
  }
}

/** Key C: one person is called; several are called into a conference. */
export async function callPicked(): Promise<void> {
  const people = desk.picked('person');
  if (people.length === 1 && desk.picked('group').length === 0) return callPerson(people[0] as string);
  return meetPicked();
}

/** Key N: a conference of the selected. */
export async function meetPicked(): Promise<void> {
  const targets = pickedTargets();
  if (targets.length === 0) return tell(t.desk.nothingPicked);
  const result = await act({ do: 'conference.open', targets });
  if (!result.ok) return;
  const opened = (result.value as { conference?: string } | undefined)?.conference;
  if (opened) desk.conference = opened;
  desk.picks.clear();
}

/** Key J: everything selected, channels and people, is joined with the conference on the board; without one, with each other. */
export async function patchPicked(): Promise<void> {
  const channels = desk.picked('channel');
  const targets = pickedTargets();
  const conference = boardConference()?.id;
  const joined = channels.length + targets.length + (conference ? 1 : 0);
  if (channels.length === 0 || joined < 2) return tell(t.desk.pickChannel);
  const result = await act({
    do: 'patch.open',
    channels,
    targets,
    keying: 'voice',
    ...(conference ? { conference } : {}),
  });
  if (!result.ok) return;
  const { conference: opened, missing } = result.value as { conference: string; missing: string[] };
  desk.conference = opened;
  desk.picks.clear();
  if (missing.length > 0) toasts.show({ kind: 'warning', text: t.desk.notPatched(missing.map(personName).join('、')) });
}
