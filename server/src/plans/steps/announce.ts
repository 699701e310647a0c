import type { LedgerState } from '@tocsin/protocol/views.ts';
import type { AnnouncementPart, ZoneChange } from '@tocsin/protocol/reaching.ts';
import { z } from 'zod';
import { thingsOf, ThingReference } from '../names.ts';
import { defineStep, type StepContext } from '../step.ts';
import { speechOf, spoken, Text } from '../text.ts';

/** What the sirens sound like: tones that alternate. Warning wavers, evacuation is urgent, all-clear is one steady tone. */
const SIRENS = {
  warning: { hz: [440, 560], onMs: 1000, offMs: 0 },
  evacuate: { hz: [520, 780], onMs: 400, offMs: 0 },
  'all-clear': { hz: [520], onMs: 1000, offMs: 0 },
} as const;

const settings = z.object({
  zones: z.array(ThingReference).min(1).max(200).meta({ description: 'Zone ids, or `all`.' }),
  siren: z
    .strictObject({
      sound: z.enum(['warning', 'evacuate', 'all-clear']).default('warning'),
      seconds: z.number().int().min(1).max(120).default(10),
    })
    .optional(),
  say: Text.optional().meta({ description: 'Spoken after the siren, Chinese first.' }),
  file: z
    .string()
    .regex(/^[\w][\w./-]{0,120}\.wav$/)
    .optional()
    .meta({ description: 'A WAV file of the site.' }),
  times: z.number().int().min(1).max(20).default(1),
  gapS: z.number().min(0).max(60).default(2),
});
type Settings = z.output<typeof settings>;

/** Plays a siren, a file, or speech to PA zones. */
export const announce = defineStep({
  kind: 'announce',
  settings,
  sample: {
    zones: ['all'],
    siren: { sound: 'evacuate', seconds: 8 },
    say: { zh: '请立即撤离。', en: 'Leave now.' },
    times: 3,
  },
  refers: { zones: 'zone' },

  validate({ siren, say, file }) {
    if (siren || say !== undefined || file) return undefined;
    return { field: 'zones', zh: '广播步骤要有 siren、say 或 file', en: 'an announcement needs siren, say or file' };
  },

  needs(wanted, scope) {
    const files = wanted.file ? [wanted.file] : [];
    return { zones: thingsOf(wanted.zones, scope), speech: speechOf(wanted.say, scope), files };
  },

  async run(wanted, context) {
    const { run, announcements, ledger, signal } = context;
    const heard = new Set(ledger.rows().flatMap((row) => (HEARD.has(row.state) ? [row.person] : [])));
    const zones = thingsOf(wanted.zones, context);
    const open = context.resumed ? zones.filter((zone) => !heard.has(zone)) : zones;
    if (zones.length === 0) return { kind: 'failed', because: 'no-zones' };
    if (open.length === 0) return { kind: 'done', summary: line(zones.length, zones.length) };

    const playing = new Set<string>();
    const { ended } = announcements.play({
      zones: open,
      parts: partsOf(wanted, context),
      times: wanted.times,
      gapMs: wanted.gapS * 1000,
      run: run.id,
      incident: run.incident,
      isDrill: run.isDrill,
      title: context.step.name,
      signal,
      onZone(change) {
        report(change, context);
        if (change.state === 'playing') context.figure('first-announcement', change.at);
        if (change.state === 'playing' || change.state === 'part-silent') playing.add(change.zone);
        context.show(line(playing.size, open.length));
      },
    });
    context.note('announcement-started', { zones: open });
    const outcomes = [...(await ended).values()];
    signal.throwIfAborted();
    const played = zones.length - open.length + outcomes.filter((outcome) => outcome.kind === 'played').length;
    const summary = line(played, zones.length);
    return played > 0 ? { kind: 'done', summary } : { kind: 'failed', because: 'no-zone-played', summary };
  },
});

function partsOf({ siren, file, say }: Settings, context: StepContext): AnnouncementPart[] {
  const parts: AnnouncementPart[] = [];
  if (siren) {
    const { hz, onMs, offMs } = SIRENS[siren.sound];
    parts.push({ kind: 'tone', hz: [...hz], onMs, offMs, forMs: siren.seconds * 1000 });
  }
  if (file) parts.push({ kind: 'file', path: file });
  if (say !== undefined) {
    parts.push(...spoken(say, context, context.run.isDrill).map((words) => ({ kind: 'speech' as const, ...words })));
  }
  return parts;
}

/** Played to the end; with every horn's own report it is confirmed. After a restart these are not played again. */
const HEARD: ReadonlySet<LedgerState> = new Set(['delivered', 'confirmed']);

function report(change: ZoneChange, { ledger }: StepContext): void {
  const { zone, hornsPlaying, hornsTotal, at } = change;
  const horns = hornsTotal === undefined ? undefined : `${hornsPlaying ?? 0}/${hornsTotal}`;
  const isProven = hornsTotal !== undefined && hornsPlaying === hornsTotal;
  const state = {
    calling: 'sent',
    playing: 'answered',
    'part-silent': 'answered',
    played: isProven ? 'confirmed' : 'delivered',
    failed: 'unreachable',
  } as const;
  ledger.report({ person: zone, channel: 'pa', state: state[change.state], at, detail: change.detail ?? horns });
}

function line(played: number, all: number) {
  return { zh: `分区 ${played}/${all}`, en: `${played} of ${all} zones` };
}
