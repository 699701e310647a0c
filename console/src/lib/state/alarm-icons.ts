import type { IconName } from '#ui/icons/icons.ts';

/** A kind is a word of the device or of the rule that raised it; the first row that fits gives the icon. */
const ICONS: readonly [pattern: RegExp, icon: IconName][] = [
  [/one-key|medical|fall|sos|panic|help/, 'one-key'],
  [/rain/, 'rain'],
  [/water|level|flow|flood/, 'water'],
  [/\bpa\b|pa-|horn|zone/, 'horn'],
  [/radio|channel/, 'radio'],
  [/sms|text/, 'text'],
  [/video|camera|feed/, 'camera'],
  [/sat/, 'satellite'],
  [/trunk|line|call|phone/, 'phone'],
  [/silent|lost|offline/, 'clock'],
];

export function alarmIcon(kind: string): IconName {
  return ICONS.find(([pattern]) => pattern.test(kind))?.[1] ?? 'bell';
}
