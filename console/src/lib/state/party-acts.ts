import type { ConferenceView, ParticipantView } from '@tocsin/protocol/views.ts';
import { t } from '#i18n/language.svelte.ts';
import type { MenuItem } from '#ui/Menu.svelte';
import { act } from './act.ts';
import { dialogs } from './dialogs.svelte.ts';
import { session } from './session.svelte.ts';

/** Who is missing is called again by itself so often, with so long between. */
const KEEP_CALLING = { rounds: 5, everyS: 60 } as const;

/** What the chair can do with one party, beside muting him. */
export function partyActs(party: ParticipantView, conference: string): MenuItem[] {
  const person = party.person;
  const of = { conference, participant: party.id };
  const mayCall = session.may('call');
  return [
    ...(party.handUpSince
      ? [
          {
            label: t.desk.lowerHand,
            icon: 'hand' as const,
            disabled: !mayCall,
            run: () => act({ do: 'conference.lower-hand', ...of }),
          },
        ]
      : []),
    {
      label: t.desk.sendText,
      icon: 'text' as const,
      disabled: !person || !session.may('text'),
      run: () => person && dialogs.show({ kind: 'text', people: [person] }),
    },
    {
      label: t.desk.askVideo,
      icon: 'camera' as const,
      disabled: !person || !session.may('watch'),
      run: () => person && act({ do: 'video.ask', targets: [{ person }] }, { done: t.desk.linkSent(1) }),
    },
    {
      label: t.desk.redial,
      icon: 'redial' as const,
      disabled: party.state === 'in',
      run: () => act({ do: 'conference.redial', ...of }),
    },
    {
      label: t.desk.remove,
      icon: 'hang-up' as const,
      disabled: !mayCall,
      run: () => act({ do: 'conference.remove', ...of }),
    },
  ];
}

/** What the chair can do with the whole conference, beside what has a button. */
export function conferenceActs({ id, keepsCalling, isLocked }: ConferenceView): MenuItem[] {
  const rounds = keepsCalling ? 0 : KEEP_CALLING.rounds;
  return [
    {
      label: isLocked ? t.desk.unlock : t.desk.lock,
      icon: 'lock' as const,
      disabled: !session.may('call'),
      run: () => act({ do: 'conference.lock', conference: id, isLocked: !isLocked }),
    },
    {
      label: keepsCalling ? t.desk.stopCalling : t.desk.keepCalling(KEEP_CALLING.everyS, KEEP_CALLING.rounds),
      icon: 'redial' as const,
      disabled: !session.may('call'),
      run: () => act({ do: 'conference.keep-calling', conference: id, rounds, everyS: KEEP_CALLING.everyS }),
    },
  ];
}
