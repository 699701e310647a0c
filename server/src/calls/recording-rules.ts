import type { Site } from '@tocsin/protocol/directory.ts';
import type { RecordingMode } from '@tocsin/protocol/recording.ts';
import type { Directory } from '#directory/directory.ts';
import { isOpen, localTime } from './routing/calendar.ts';
import { fits } from './routing/number-pattern.ts';

/** Who and what has a part in what may be recorded. */
export interface RecordedParties {
  /** Numbers. */
  caller?: string;
  called?: string;
  direction?: 'in' | 'out' | 'internal';
  /** Accounts of the house. */
  accounts?: string[];
  people?: string[];
  trunk?: string;
}

/** What a rule looks at. */
export interface RecordableTalk extends RecordedParties {
  of: 'call' | 'conference' | 'channel' | 'announcement';
  /** The number of the conference, the id of the channel. */
  conference?: string;
  channel?: string;
}

export interface RecordingDecision {
  mode: RecordingMode;
  sides: 'together' | 'apart';
  /** The rule's id; absent: no rule fits. */
  rule?: string;
}

/** How something is recorded that begins now: the first rule that fits, or else what holds for everything. */
export function decideRecording(
  talk: RecordableTalk,
  {
    site,
    peopleOfGroup,
  }: Pick<Directory, 'peopleOfGroup'> & { site: Pick<Site, 'recording' | 'calendars' | 'timeZone'> },
  nowMs: number,
): RecordingDecision {
  const { rules, otherwise } = site.recording;
  const some = (wanted: readonly string[] | undefined, there: readonly (string | undefined)[]) =>
    !wanted || there.some((each) => each !== undefined && wanted.includes(each));
  const matches = (patterns: readonly string[] | undefined, number: string | undefined) =>
    !patterns || (number !== undefined && patterns.some((pattern) => fits(number, pattern)));
  const isOpenNow = (id: string) => {
    const calendar = site.calendars.find((each) => each.id === id);
    return calendar && isOpen(calendar, localTime(nowMs, site.timeZone)).open;
  };
  const fitting = rules.find(({ when }) => {
    const { during, outside, group } = when;
    return (
      some(when.of, [talk.of]) &&
      some(when.account, talk.accounts ?? []) &&
      some(when.trunk, [talk.trunk]) &&
      some(when.conference, [talk.conference]) &&
      some(when.channel, [talk.channel]) &&
      matches(when.calling, talk.caller) &&
      matches(when.called, talk.called) &&
      (during === undefined || isOpenNow(during) === true) &&
      (outside === undefined || isOpenNow(outside) === false) &&
      (!group || group.some((id) => peopleOfGroup(id).some((person) => talk.people?.includes(person.id))))
    );
  });
  if (!fitting) return { mode: otherwise, sides: 'together' };
  return { mode: fitting.mode, sides: fitting.sides, rule: fitting.id };
}
