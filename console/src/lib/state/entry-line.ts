import type { LedgerChannel, LedgerState, ParticipantState, TimelineEntry } from '@tocsin/protocol/views.ts';
import { nameOf, t } from '#i18n/language.svelte.ts';
import type { IconName } from '#ui/icons/icons.ts';
import { failureInWords } from './act.ts';
import { personName, userName } from './names.ts';
import { live } from './session.svelte.ts';

/** The first row that fits a kind gives its icon. */
const ICONS: readonly [pattern: RegExp, icon: IconName][] = [
  [/^alarm\.acknowledged/, 'check'],
  [/^alarm\.cleared/, 'check'],
  [/^alarm/, 'bell'],
  [/refused|failed|denied|unreachable|busy/, 'cross'],
  [/unanswered/, 'redial'],
  [/held/, 'hold'],
  [/^call\.ended|participant-(left|removed)/, 'hang-up'],
  [/^call|voicemail|participant/, 'phone'],
  [/^conference\.channel/, 'link'],
  [/^conference/, 'users'],
  [/^channel\.floor/, 'mic'],
  [/^channel/, 'radio'],
  [/^announcement/, 'horn'],
  [/^text/, 'text'],
  [/^feed|^video/, 'camera'],
  [/confirmed|step-ended|answered/, 'check'],
  [/^(plan|run)\.started/, 'play'],
  [/skipped/, 'skip'],
  [/question/, 'hand'],
  [/^(plan|run)/, 'flow'],
  [/^incident/, 'document'],
  [/^care/, 'eye'],
  [/^recording/, 'circle'],
  [/^session/, 'user'],
  [/^(system|gateway)/, 'settings'],
];

/**
 * Kinds that say again, step by step, what another entry says once. The record beside a run leaves them out; the timeline
 * has them all.
 */
const DETAIL =
  /^(run\.(ledger-changed|announcement-started|conference-opened|radio-patched)|(conference\.participant|call\.party)-(queued|dialling|ringing|confirming)|text\.(queued|sent|ordered)|announcement\.zone-(calling|playing|played)|channel\.patched|recording\.(started|packed)|gateway\.resource-changed)$/;

export function isDetail(entry: TimelineEntry): boolean {
  return DETAIL.test(entry.kind);
}

/** An entry as one line for people: icon and sentence. A kind without a sentence shows itself, rather than nothing. */
export function entryLine(entry: TimelineEntry): { icon: IconName; text: string } {
  const icon = ICONS.find(([pattern]) => pattern.test(entry.kind))?.[1] ?? 'clock';
  const text = specialLine(entry) ?? plainLine(entry);
  return { icon, text: text.replace(/\s+/g, ' ').trim() };
}

function plainLine(entry: TimelineEntry): string {
  const isOfCamera = typeof entry.data['camera'] === 'string';
  const sentence = (isOfCamera && t.entries.kinds[`${entry.kind}/camera`]) || t.entries.kinds[entry.kind];
  const actor = entry.actor ? userName(entry.actor) : '';
  const who = entry.person ? personName(entry.person) : isOfCamera ? wordOf(entry.data['name']) : actor;
  return sentence ? sentence(whatOf(entry), who) : `${entry.kind} ${whatOf(entry)}`;
}

/** Kinds that carry a state of their own: one rule instead of a sentence a state. */
function specialLine({ kind, data, person }: TimelineEntry): string | undefined {
  const name = person ? personName(person) : wordOf(data['name']);
  const party = /^(?:conference\.participant|call\.party)-(.+)$/.exec(kind)?.[1];
  if (party) {
    const word =
      t.states.party[party as ParticipantState] ?? { muted: t.desk.mute, unmuted: t.desk.unmute }[party] ?? party;
    const attempts = Number(data['attempts'] ?? 1);
    return `${name} ${word} ${attempts > 1 ? t.entries.times(attempts) : ''}`;
  }
  if (kind === 'run.ledger-changed') {
    const channel = t.run.channel[data['channel'] as LedgerChannel] ?? '';
    const state = t.states.ledger[data['state'] as LedgerState] ?? '';
    return `${name} ${channel} ${state} ${reasonOf(data['detail'])}`;
  }
  return undefined;
}

/** What an entry is about, from whatever of the usual fields it carries. */
function whatOf({ kind, data, run }: TimelineEntry): string {
  const words: string[] = [];
  const say = (word: string) => {
    if (word) words.push(word);
  };
  for (const field of ['title', 'name', 'number', 'body', 'place', 'gateway', 'command']) say(wordOf(data[field]));
  if (/^call\.(transfer|return|park|retriev|pick|camp|book)/.test(kind))
    for (const field of ['to', 'slot', 'by']) say(wordOf(data[field]));
  if (typeof data['text'] === 'object') say(wordOf(data['text']));
  if (typeof data['plan'] === 'string') say(nameOf(live.plans.get(data['plan'])?.name ?? { zh: data['plan'] }));
  if (typeof data['version'] === 'string') say(`v${data['version'].replace(/^v/, '')}`);
  if (typeof data['step'] === 'string') {
    const step = run ? live.runs.get(run)?.steps.find(({ id }) => id === data['step']) : undefined;
    say(step ? nameOf(step.name) : data['step']);
  }
  say(wordOf(data['summary']));
  if (typeof data['channel'] === 'string') say(personName(data['channel']));
  if (typeof data['zone'] === 'string') say(personName(data['zone']));
  if (typeof data['trunk'] === 'string') say(nameOf(live.trunks.get(data['trunk'])?.name ?? { zh: data['trunk'] }));
  say(wordOf(data['words']));
  if (typeof data['cause'] === 'object') say(wordOf((data['cause'] as { words?: unknown } | null)?.words));
  if (Array.isArray(data['zones'])) say(data['zones'].map((zone) => personName(String(zone))).join(' '));
  say(wordOf(data['talker']));
  if (typeof data['count'] === 'number') say(t.entries.pieces(data['count']));
  if (typeof data['attempt'] === 'number') say(t.entries.times(data['attempt']));
  say(reasonOf(data['detail']));
  say(reasonOf(data['because']));
  return [...new Set(words)].slice(0, 3).join(' · ');
}

function wordOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  if (typeof value === 'object' && value !== null && 'zh' in value) return nameOf(value as { zh: string; en?: string });
  return '';
}

/** A named reason or a code, in words; free text as it is. */
function reasonOf(value: unknown): string {
  if (typeof value !== 'string' || value === '') return '';
  if (/^[A-Z_]{4,}$/.test(value)) return failureInWords(value);
  return t.states.because[value] ?? value;
}
