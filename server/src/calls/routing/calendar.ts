import type { Calendar, Weekday } from '@tocsin/protocol/routing.ts';

/** A moment as a site's clock on the wall shows it. */
export interface LocalTime {
  /** 2026-10-01 */
  day: string;
  weekday: Weekday;
  /** 0-1439 */
  minutes: number;
}

const WEEKDAYS: readonly Weekday[] = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const DAY_MS = 86_400_000;

const formats = new Map<string, Intl.DateTimeFormat>();

/** The wall clock of a time zone at a moment. */
export function localTime(atMs: number, timeZone: string): LocalTime {
  let format = formats.get(timeZone);
  if (!format) {
    const two = '2-digit';
    format = new Intl.DateTimeFormat('en-GB', {
      ...{ timeZone, hourCycle: 'h23', year: 'numeric', month: two, day: two, hour: two, minute: two },
    });
    formats.set(timeZone, format);
  }
  const parts = Object.fromEntries(format.formatToParts(atMs).map(({ type, value }) => [type, value]));
  const day = `${parts['year']}-${parts['month']}-${parts['day']}`;
  return { day, weekday: weekdayOf(day), minutes: Number(parts['hour']) * 60 + Number(parts['minute']) };
}

/**
 * The moment at which the wall clock of a time zone shows this: `2026-10-01T23:10`. In the hour that summer time leaves out it
 * is an hour later, in the one that comes twice the first.
 */
export function momentOf(wallClock: string, timeZone: string): number {
  const asUtc = Date.parse(`${wallClock}Z`);
  const offsetAt = (atMs: number) => {
    const { day, minutes } = localTime(atMs, timeZone);
    return Date.parse(`${day}T00:00Z`) + minutes * 60_000 - Math.floor(atMs / 60_000) * 60_000;
  };
  return asUtc - offsetAt(asUtc - offsetAt(asUtc));
}

/** Whether a calendar is open at that time, and what makes it so. */
export function isOpen(
  calendar: Calendar,
  now: LocalTime,
): { open: boolean; because: 'hours' | 'out-of-hours' | 'holiday' | 'workday' } {
  const today = dayOf(calendar, now.day);
  const yesterday = dayOf(calendar, dayBefore(now.day));
  const isWithin = calendar.weekly.some(({ days, from, to }) => {
    const [begin, end] = [minutesOf(from), minutesOf(to)];
    if (begin < end) return isOn(days, today) && now.minutes >= begin && now.minutes < end;
    return (isOn(days, today) && now.minutes >= begin) || (isOn(days, yesterday) && now.minutes < end);
  });
  if (today === 'holiday' && !isWithin) return { open: false, because: 'holiday' };
  if (!isWithin) return { open: false, because: 'out-of-hours' };
  return { open: true, because: today !== 'holiday' && today !== now.weekday ? 'workday' : 'hours' };
}

/** Which day of the week a day counts as. */
function dayOf({ holidays, workdays }: Calendar, day: string): Weekday | 'holiday' {
  const worked = workdays.find(({ date }) => date === day);
  if (worked) return worked.as;
  // Days written like this sort as text.
  return holidays.some(({ from, to = from }) => day >= from && day <= to) ? 'holiday' : weekdayOf(day);
}

const isOn = (days: readonly Weekday[], day: Weekday | 'holiday') => day !== 'holiday' && days.includes(day);
const weekdayOf = (day: string) => WEEKDAYS[new Date(`${day}T00:00Z`).getUTCDay()]!;
const dayBefore = (day: string) => new Date(Date.parse(`${day}T00:00Z`) - DAY_MS).toISOString().slice(0, 10);
const minutesOf = (time: string) => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
