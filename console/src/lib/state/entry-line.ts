import type { TimelineEntry } from '@tocsin/protocol/views.ts';
import { nameOf, t } from '#i18n/language.svelte.ts';
import type { IconName } from '#ui/icons/icons.ts';
import { personName, userName } from './names.ts';

/** The first row that fits a kind gives its icon. */
const ICONS: readonly [pattern: RegExp, icon: IconName][] = [
  [/^alarm\.acknowledged/, 'check'],
  [/^alarm\.cleared/, 'check'],
  [/^alarm/, 'bell'],
  [/refused|failed|denied/, 'cross'],
  [/unanswered/, 'redial'],
  [/held/, 'hold'],
  [/^call\.ended/, 'hang-up'],
  [/^call|voicemail/, 'phone'],
  [/^conference\.channel/, 'link'],
  [/^conference/, 'users'],
  [/^channel\.floor/, 'mic'],
  [/^channel/, 'radio'],
  [/^announcement/, 'horn'],
  [/^text/, 'text'],
  [/^feed|^video/, 'camera'],
  [/confirmed/, 'check'],
  [/^(plan|run)\.started/, 'play'],
  [/skipped/, 'skip'],
  [/^(plan|run)/, 'flow'],
  [/^incident/, 'document'],
  [/^care/, 'eye'],
  [/^recording/, 'circle'],
  [/^(system|gateway)/, 'settings'],
];

/** An entry as one line for people: icon and sentence. A kind without a sentence shows itself, rather than nothing. */
export function entryLine(entry: TimelineEntry): { icon: IconName; text: string } {
  const icon = ICONS.find(([pattern]) => pattern.test(entry.kind))?.[1] ?? 'clock';
  const sentence = t.entries.kinds[entry.kind];
  const who = personName(entry.person) === '—' ? userName(entry.actor) : personName(entry.person);
  const text = sentence ? sentence(whatOf(entry), who === '—' ? '' : who) : [entry.kind, whatOf(entry)].join(' ');
  return { icon, text: text.replace(/\s+/g, ' ').trim() };
}

/** What an entry is about, from whatever of the usual fields it carries. */
function whatOf({ data }: TimelineEntry): string {
  const words: string[] = [];
  const say = (value: unknown) => {
    if (typeof value === 'string' && value) words.push(value);
    else if (typeof value === 'object' && value !== null && 'zh' in value)
      words.push(nameOf(value as { zh: string; en?: string }));
  };
  for (const field of ['title', 'plan', 'step', 'name', 'number', 'body', 'place', 'text']) say(data[field]);
  if (typeof data['channel'] === 'string') words.push(personName(data['channel']));
  if (Array.isArray(data['zones'])) words.push(data['zones'].map((zone) => personName(String(zone))).join(' '));
  if (typeof data['talker'] === 'string') say(data['talker']);
  if (typeof data['version'] === 'string') words.push(`v${data['version']}`);
  if (typeof data['count'] === 'number') words.push(t.entries.pieces(data['count']));
  if (typeof data['attempt'] === 'number') words.push(t.entries.times(data['attempt']));
  for (const field of ['detail', 'because']) {
    const value = data[field];
    if (typeof value === 'string') say(t.states.because[value] ?? value);
  }
  return [...new Set(words)].slice(0, 3).join(' · ');
}
