import type { Chair } from './conference-chair.ts';
import type { ConferenceSounds } from './conference-sounds.ts';
import type { Leg } from './leg.ts';
import type { Participant } from './participant.ts';

/** What a phone in a conference can do by its keys: a star, then a digit. */
export const CONFERENCE_KEYS = {
  '9': 'hand',
  '6': 'own-mute',
  '3': 'roll-call',
  '4': 'let-next-speak',
  '5': 'mute-all',
  '7': 'lock',
  '8': 'redial',
} as const;
export type ConferenceAct = (typeof CONFERENCE_KEYS)[keyof typeof CONFERENCE_KEYS];

/** What only a chair's keys do. */
const CHAIR_ONLY: ReadonlySet<ConferenceAct> = new Set(['let-next-speak', 'mute-all', 'lock', 'redial']);

/** Reads key after key; tells the act when a star and a digit have come that mean one. */
export class KeyPairs {
  #hasStar = false;

  press(key: string): ConferenceAct | undefined {
    const act = this.#hasStar ? CONFERENCE_KEYS[key as keyof typeof CONFERENCE_KEYS] : undefined;
    this.#hasStar = key === '*';
    return act;
  }
}

/** Lets a participant's phone act in the conference: raise a hand, mute itself; the chair's more. */
export function followKeys(
  participant: Participant,
  leg: Leg,
  { chair, sounds }: { chair: Chair; sounds: ConferenceSounds },
): void {
  const keys = new KeyPairs();
  leg.on('digit', (digit) => {
    const act = keys.press(digit);
    if (!act || participant.leg !== leg) return;
    if (CHAIR_ONLY.has(act) && !participant.view.isChair) return;
    void perform(act, participant, leg, chair, sounds).catch(() => {});
  });
}

async function perform(
  act: ConferenceAct,
  { id, view }: Participant,
  leg: Leg,
  chair: Chair,
  sounds: ConferenceSounds,
): Promise<void> {
  switch (act) {
    case 'hand':
      return chair.raiseHand(id, view.handUpSince === undefined);
    case 'own-mute':
      // Who is muted by the chair asks for the word; he does not take it.
      if (view.isMuted && chair.isMutedAll && !view.isChair) return chair.raiseHand(id, true);
      return await chair.mute(id, !view.isMuted);
    case 'roll-call': {
      const { present, missing } = chair.rollCall();
      return await sounds.say({ text: rollCallWords(present, missing), language: 'zh' }, leg);
    }
    case 'let-next-speak':
      return await chair.letNextSpeak();
    case 'mute-all':
      return await chair.muteAll(!chair.isMutedAll);
    case 'lock':
      return chair.lock(!chair.isLocked);
    case 'redial':
      chair.redial();
  }
}

function rollCallWords(present: number, missing: number): string {
  return missing === 0 ? `现在会议中有 ${present} 方。` : `现在会议中有 ${present} 方，未到 ${missing} 方。`;
}
