import type { Language } from './messages.ts';

const two = (n: number) => String(n).padStart(2, '0');

/** 03:12:47, by the clock on the wall of this seat. */
export function clockTime(atMs: number): string {
  const at = new Date(atMs);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** Seconds while it is the same day, the date before it otherwise: 03:12:47, 11-21 03:12. */
export function timeOf(atMs: number, nowMs: number): string {
  const at = new Date(atMs);
  const now = new Date(nowMs);
  if (at.toDateString() === now.toDateString()) return clockTime(atMs);
  return `${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** mm:ss, from an hour on h:mm:ss. Never negative: a clock that runs ahead shows 00:00. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const h = Math.floor(seconds / 3600);
  const m = Math.floor((seconds % 3600) / 60);
  return h > 0 ? `${h}:${two(m)}:${two(seconds % 60)}` : `${two(m)}:${two(seconds % 60)}`;
}

/** 11月22日 and 星期日; Sun 22 Nov in English. */
export function calendarDay(atMs: number, language: Language): { day: string; weekday: string } {
  const at = new Date(atMs);
  if (language === 'zh') {
    return { day: `${at.getMonth() + 1}月${at.getDate()}日`, weekday: `星期${'日一二三四五六'[at.getDay()]}` };
  }
  const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
  const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
  return { day: `${at.getDate()} ${months[at.getMonth()]}`, weekday: days[at.getDay()] ?? '' };
}

/** A number as people read it out: 139 0000 1188, 0571-0000-0417, 6012. The 9 that takes an outside line is left out. */
export function readableNumber(number: string): string {
  if (/^9(1\d{10}|0\d{9,11})$/.test(number)) return readableNumber(number.slice(1));
  if (/^1\d{10}$/.test(number)) return `${number.slice(0, 3)} ${number.slice(3, 7)} ${number.slice(7)}`;
  if (/^0\d{9,11}$/.test(number)) {
    const area = /^0(10|2\d)/.test(number) ? 3 : 4;
    const rest = number.slice(area);
    return `${number.slice(0, area)}-${rest.slice(0, rest.length - 4)}-${rest.slice(-4)}`;
  }
  return number;
}

/** Seconds with one decimal below ten: 0.21, 1.6, 38. */
export function seconds(ms: number): string {
  const s = ms / 1000;
  return s < 1 ? s.toFixed(2) : s < 10 ? s.toFixed(1) : String(Math.round(s));
}

/** A reading with the decimals that suit its unit. */
export function reading(value: number, unit: string): string {
  return value.toFixed(unit === 'm' ? 2 : unit === 'mm' ? 1 : Math.abs(value) < 10 ? 2 : 1);
}
