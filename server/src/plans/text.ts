/** Words in a plan: in one language or two, with `{parameters}` that the run fills in, marked when it is a drill. */
import type { Words } from '@tocsin/protocol/reaching.ts';
import { z } from 'zod';
import type { ParameterValue, StepScope } from './step.ts';

/** A text, written as a plain string (Chinese) or in both languages. */
export const Text = z.union([
  z.string().min(1).max(500),
  z.strictObject({ zh: z.string().min(1).max(500), en: z.string().min(1).max(500).optional() }),
]);
export type Text = z.output<typeof Text>;

const PLACEHOLDERS = /\{([a-z][A-Za-z0-9._-]{0,63})\}/g;

/** Placeholders that every run can fill in; those of the alarm are empty words when no alarm started it. */
export const BUILT_IN_PLACEHOLDERS = [
  'alarm.title',
  'alarm.facts',
  'alarm.person',
  'alarm.contacts',
  'alarm.address',
  'alarm.device',
  'alarm.zone',
  'alarm.level',
  'link',
] as const;

/** The names between braces in a text. */
export function placeholdersIn(text: string): string[] {
  return [...text.matchAll(PLACEHOLDERS)].map((match) => match[1]!);
}

/** Fills in what is known; an unknown name becomes nothing, so that nobody hears braces. */
export function fill(text: string, scope: StepScope, more: Record<string, string> = {}): string {
  return text
    .replace(PLACEHOLDERS, (_, name: string) => more[name] ?? valueOf(name, scope))
    .replace(/ {2,}/g, ' ')
    .trim();
}

/** The text in Chinese, filled in: what a short message carries. */
export function written(text: Text, scope: StepScope, isDrill: boolean, more?: Record<string, string>): string {
  const filled = fill(typeof text === 'string' ? text : text.zh, scope, more);
  return isDrill ? `【演练】${filled}` : filled;
}

/** The text as it is spoken, a part for each language, Chinese first. */
export function spoken(text: Text, scope: StepScope, isDrill: boolean): Words[] {
  const { zh, en } = typeof text === 'string' ? { zh: text, en: undefined } : text;
  const words: Words[] = [{ text: (isDrill ? '演练，演练。' : '') + fill(zh, scope), language: 'zh' }];
  if (en) words.push({ text: (isDrill ? 'Drill, drill. ' : '') + fill(en, scope), language: 'en' });
  return words;
}

/**
 * Both ways in which a text may be spoken, for the cache: in earnest and as a drill. Nothing when it speaks of an alarm
 * that is not there yet.
 */
export function speechOf(text: Text | undefined, scope: StepScope): Words[] {
  if (text === undefined) return [];
  const isOfAlarm = (words: string) => placeholdersIn(words).some((name) => name.startsWith('alarm.'));
  if (!scope.alarm && isOfAlarm(typeof text === 'string' ? text : text.zh + (text.en ?? ''))) return [];
  return [...spoken(text, scope, false), ...spoken(text, scope, true)];
}

function valueOf(name: string, scope: StepScope): string {
  const { alarm, directory } = scope;
  switch (name) {
    case 'alarm.title':
      return alarm?.title.zh ?? '';
    case 'alarm.facts':
      return alarm?.facts.zh ?? '';
    case 'alarm.level':
      return alarm ? String(alarm.level) : '';
    case 'alarm.person':
      return (alarm?.person && directory.person(alarm.person)?.name.zh) ?? '';
    case 'alarm.address':
      return (alarm?.person && directory.person(alarm.person)?.care?.address) ?? '';
    case 'alarm.device':
      return (alarm?.device && directory.device(alarm.device)?.name.zh) ?? '';
    case 'alarm.zone':
      return (alarm?.zone && directory.zone(alarm.zone)?.name.zh) ?? '';
    default:
      return display(scope.parameters[name], scope);
  }
}

/** A parameter that is an id of the site is said by its name. */
function display(value: ParameterValue | undefined, { directory }: StepScope): string {
  if (typeof value !== 'string') return value === undefined ? '' : String(value);
  const named = directory.person(value) ?? directory.zone(value) ?? directory.channel(value) ?? directory.gauge(value);
  return named?.name.zh ?? value;
}
