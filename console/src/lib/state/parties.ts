import type { ConferenceView, ParticipantState, ParticipantView } from '@tocsin/protocol/views.ts';
import type { GlyphName } from '#ui/icons/glyphs.ts';
import type { IconName } from '#ui/icons/icons.ts';

/** In which part of the board a participant stands. */
export type PartyGroup = 'missing' | 'present' | 'gone';

const GROUPS: Record<ParticipantState, PartyGroup> = {
  queued: 'missing',
  dialling: 'missing',
  ringing: 'missing',
  confirming: 'missing',
  refused: 'missing',
  busy: 'missing',
  unanswered: 'missing',
  unreachable: 'missing',
  voicemail: 'missing',
  in: 'present',
  held: 'present',
  left: 'gone',
  removed: 'gone',
  replaced: 'gone',
};

/** Not reached above reached, each in the order in which they joined the list. */
export function groupParties(conference: ConferenceView): Record<PartyGroup, ParticipantView[]> {
  const groups: Record<PartyGroup, ParticipantView[]> = { missing: [], present: [], gone: [] };
  for (const party of conference.participants) groups[GROUPS[party.state]].push(party);
  return groups;
}

/** Being called now: nothing to redial yet. */
export function isUnderWay(state: ParticipantState): boolean {
  return state === 'queued' || state === 'dialling' || state === 'ringing' || state === 'confirming';
}

const GLYPH: Record<ParticipantState, GlyphName> = {
  queued: 'queued',
  dialling: 'dialling',
  ringing: 'ringing',
  confirming: 'ringing',
  in: 'in',
  held: 'held',
  refused: 'failed',
  busy: 'busy',
  unanswered: 'unanswered',
  unreachable: 'failed',
  voicemail: 'voicemail',
  left: 'left',
  removed: 'left',
  replaced: 'skipped',
};

export function glyphOf({ state, isSpeaking }: Pick<ParticipantView, 'state' | 'isSpeaking'>): GlyphName {
  return state === 'in' && isSpeaking ? 'speaking' : GLYPH[state];
}

export const BEARER_ICONS: Record<ParticipantView['bearer'], IconName> = {
  desk: 'phone',
  mobile: 'phone',
  home: 'home',
  satellite: 'satellite',
  radio: 'radio',
  browser: 'headset',
  field: 'camera',
};

/** The conference on the board: the one chosen, else the newest this seat is in, else the newest. */
export function conferenceOnBoard(
  conferences: Iterable<ConferenceView>,
  chosen: string | undefined,
  account: string | undefined,
): ConferenceView | undefined {
  const all = [...conferences].sort((a, b) => b.openedAt - a.openedAt);
  return (
    all.find(({ id }) => id === chosen) ??
    all.find(({ participants }) => participants.some((one) => one.state === 'in' && one.number === account)) ??
    all[0]
  );
}
