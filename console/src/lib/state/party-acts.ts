import type { ConferenceView, ParticipantView } from '@tocsin/protocol/views.ts';
import { nameOf, t } from '#i18n/language.svelte.ts';
import type { MenuItem } from '#ui/Menu.svelte';
import { act } from './act.ts';
import { dialogs } from './dialogs.svelte.ts';
import { recordingActs } from './recording-acts.ts';
import { live, session } from './session.svelte.ts';

/** Who is missing is called again by itself so often, with so long between. */
const KEEP_CALLING = { rounds: 5, everyS: 60 } as const;

/** One press makes somebody so much louder or quieter for the others, within these bounds. */
const VOLUME_DB = { step: 6, least: -18, most: 18 } as const;

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
    ...(party.state === 'in' ? volumeActs(party, of) : []),
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

function volumeActs({ volumeDb = 0 }: ParticipantView, of: { conference: string; participant: string }): MenuItem[] {
  const to = (gainDb: number) => ({
    disabled: !session.may('call') || gainDb < VOLUME_DB.least || gainDb > VOLUME_DB.most,
    run: () => act({ do: 'conference.volume', ...of, gainDb }, { done: t.desk.volumeIs(gainDb) }),
  });
  return [
    { label: t.desk.louder, icon: 'volume', ...to(volumeDb + VOLUME_DB.step) },
    { label: t.desk.quieter, icon: 'volume-off', ...to(volumeDb - VOLUME_DB.step) },
  ];
}

/** What the chair can do with the whole conference, beside what has a button. */
export function conferenceActs(conference: ConferenceView): MenuItem[] {
  const { id, keepsCalling, isLocked, isLevelled = false, joinedWith = [] } = conference;
  const mayCall = session.may('call');
  const others = [...live.conferences.values()].filter((other) => other.id !== id);
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
    {
      label: isLevelled ? t.desk.levelOff : t.desk.level,
      icon: 'volume' as const,
      disabled: !mayCall,
      run: () => act({ do: 'conference.level', conference: id, isAutomatic: !isLevelled }),
    },
    ...recordingActs({ conference: id }, conference),
    ...others.map((other) => {
      const isJoined = joinedWith.includes(other.id);
      const title = `${other.number} ${nameOf(other.name)}`;
      return {
        label: isJoined ? t.desk.separate(title) : t.desk.joinWith(title),
        icon: 'link' as const,
        disabled: !mayCall,
        run: () =>
          act({ do: isJoined ? 'conference.separate' : 'conference.join-with', conference: id, other: other.id }),
      };
    }),
  ];
}
