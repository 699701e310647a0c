import type { LedgerState, ParticipantState } from '@tocsin/protocol/views.ts';
import { Bearer } from '@tocsin/protocol/common.ts';
import type { PartyChange } from '@tocsin/protocol/reaching.ts';
import { z } from 'zod';
import { peopleOf, PersonReference } from '../names.ts';
import { defineStep, type StepConference, type StepContext } from '../step.ts';
import { speechOf, spoken, Text } from '../text.ts';

const settings = z.object({
  people: z.array(PersonReference).min(1).max(400),
  confirm: z.enum(['press-1', 'none']).default('press-1').meta({ description: 'press-1 keeps voicemail out.' }),
  say: Text.optional().meta({ description: 'Spoken to who answers, before he presses 1.' }),
  ringS: z.number().int().min(5).max(120).default(30),
  retries: z.number().int().min(0).max(10).default(1),
  retryAfterS: z.number().int().min(1).max(600).default(20),
  deputies: z.boolean().default(true).meta({ description: 'Who is away or does not confirm is replaced.' }),
  chair: z.enum(['starter', 'none']).default('starter'),
  record: z.boolean().default(true),
  room: z
    .string()
    .regex(/^[0-9]{2,8}$/)
    .optional()
    .meta({ description: 'A fixed room; absent: any free one.' }),
  prefer: z.array(Bearer).max(9).optional().meta({ description: 'Bearers to try first.' }),
});
type Settings = z.output<typeof settings>;

/** Seconds for the key and for setting up, beside the ringing, when the time to reach all is estimated. */
const CONFIRM_S = 10;

/** Calls everyone at once into one conference and replaces by deputies who does not come. */
export const conference = defineStep({
  kind: 'conference',
  settings,
  sample: { people: ['group:flood-office'], say: '溃坝一级响应，请按 1 入会。', ringS: 25, retries: 2 },
  refers: { people: 'people' },

  needs(wanted, scope) {
    const people = peopleOf(wanted.people, scope);
    return {
      voice: people,
      lines: people.length + (wanted.chair === 'starter' ? 1 : 0),
      speech: speechOf(wanted.say, scope),
      seconds: wanted.ringS + CONFIRM_S,
      hasDeputies: wanted.deputies,
    };
  },

  async run(wanted, context) {
    const people = peopleOf(wanted.people, context).map((person) => ({ person }));
    const parties = context.resumed ? stillToCall(people, context) : people;
    if (people.length === 0) return { kind: 'failed', because: 'nobody-to-call' };
    return callIn(wanted, parties, context);
  },

  async restore(wanted, context) {
    const wereIn = context.ledger.rows().filter((row) => row.channel === 'voice' && IS_REACHED.has(row.state));
    if (wereIn.length > 0) await callIn(wanted, wereIn, context, { isBackground: true });
  },
});

interface Party {
  person: string;
  standsInFor?: string;
}

/** The story of the step: open, call everyone in one turn, wait until each is in or given up. */
async function callIn(wanted: Settings, parties: Party[], context: StepContext, { isBackground = false } = {}) {
  const { run, signal } = context;
  const room = await context.conferences.open({
    name: run.planName,
    run: run.id,
    step: context.step.id,
    incident: run.incident,
    isDrill: run.isDrill,
    chair: wanted.chair === 'starter' && run.startedBy !== 'system' ? run.startedBy : undefined,
    isRecorded: wanted.record,
    number: wanted.room,
  });
  context.openedConference(room);
  context.offer({ redial: (person) => room.redial(person), callDeputy: (person) => room.callDeputy(person) });

  const tally = new Tally(parties);
  const announcement = wanted.say === undefined ? undefined : spoken(wanted.say, context, run.isDrill)[0];
  const settled = new Promise<void>((resolve) => {
    const onState = (change: PartyChange) => {
      tally.take(change, context);
      report(change, context);
      if (!signal.aborted && !isBackground) context.show(tally.line(), tally.settledShare());
      if (tally.isSettled()) resolve();
    };
    for (const party of parties) {
      room.add({
        ...party,
        confirm: wanted.confirm,
        announcement,
        ringForMs: wanted.ringS * 1000,
        retries: wanted.retries,
        retryAfterMs: wanted.retryAfterS * 1000,
        withDeputies: wanted.deputies,
        prefer: wanted.prefer,
        onState,
      });
    }
    if (parties.length === 0) resolve();
  });
  context.note('conference-opened', { conference: room.id, number: room.number, people: parties.length });
  if (isBackground) return { kind: 'done' } as const;

  const how = await Promise.race([
    settled.then(() => 'settled' as const),
    room.ended.then((because) => `conference-ended: ${because}`),
    aborted(signal).then(() => 'aborted' as const),
  ]);
  if (how === 'aborted') {
    await endUnlessStopping(room, signal);
    throw signal.reason;
  }
  if (tally.in() === 0)
    return { kind: 'failed', because: how === 'settled' ? 'nobody-joined' : how, summary: tally.line() } as const;
  return { kind: 'done', summary: tally.line() } as const;
}

/** A stopped run's conference is ended by the run; a skipped or overdue step lets those stay who are in. */
async function endUnlessStopping(room: StepConference, signal: AbortSignal): Promise<void> {
  const because = (signal.reason as { because?: string }).because;
  if (because === 'run-stopped') await room.end('plan-ended');
}

/** After a restart every call is gone: all are called again but those who were replaced, refused, or had left by themselves. */
function stillToCall(people: Party[], context: StepContext): Party[] {
  const rows = context.ledger.rows().filter((row) => row.channel === 'voice');
  const over = new Set<LedgerState>(['replaced', 'refused', 'left', 'skipped']);
  const known = new Set(rows.filter((row) => !row.standsInFor).map((row) => row.person));
  return [
    ...rows.filter((row) => !over.has(row.state)).map(({ person, standsInFor }) => ({ person, standsInFor })),
    ...people.filter(({ person }) => !known.has(person)),
  ];
}

const IS_REACHED: ReadonlySet<LedgerState> = new Set(['answered', 'confirmed', 'joined']);

/** Participant's state → what the ledger says of it; who is in has confirmed before. */
const LEDGER_STATES: Record<ParticipantState, LedgerState[]> = {
  queued: ['queued'],
  dialling: ['sent'],
  ringing: ['rung'],
  confirming: ['answered'],
  in: ['confirmed', 'joined'],
  held: [],
  refused: ['refused'],
  busy: ['busy'],
  unanswered: ['unanswered'],
  unreachable: ['unreachable'],
  voicemail: ['voicemail'],
  left: ['left'],
  removed: ['left'],
  replaced: ['replaced'],
};

function report(change: PartyChange, { ledger }: StepContext): void {
  const { person, standsInFor, at, attempts, detail } = change;
  for (const state of LEDGER_STATES[change.state]) {
    ledger.report({ person, channel: 'voice', state, at, attempts, detail, standsInFor });
  }
}

/** Who is where, for the line on the desk and for knowing when all is settled. */
class Tally {
  readonly #states = new Map<string, { state: ParticipantState; isSettled: boolean }>();
  readonly #undialled: Set<string>;

  constructor(parties: Party[]) {
    for (const party of parties) this.#states.set(keyOf(party), { state: 'queued', isSettled: false });
    this.#undialled = new Set(this.#states.keys());
  }

  take(change: PartyChange, context: StepContext): void {
    this.#states.set(keyOf(change), { state: change.state, isSettled: change.isSettled });
    if (change.state === 'dialling') {
      context.figure('first-invite', change.at);
      if (this.#undialled.delete(keyOf(change)) && this.#undialled.size === 0) context.figure('all-dialled', change.at);
    }
  }

  in(): number {
    return this.#count('in') + this.#count('held');
  }

  isSettled(): boolean {
    return [...this.#states.values()].every((party) => party.isSettled);
  }

  settledShare(): number {
    const all = [...this.#states.values()];
    return all.length === 0 ? 1 : all.filter((party) => party.isSettled).length / all.length;
  }

  line() {
    const wanted = this.#states.size - this.#count('replaced');
    const ringing = this.#count('ringing') + this.#count('dialling') + this.#count('confirming');
    const zh = `在会 ${this.in()}/${wanted}` + (ringing > 0 ? ` · 振铃 ${ringing}` : '');
    const en = `${this.in()} of ${wanted} in` + (ringing > 0 ? ` · ${ringing} ringing` : '');
    return { zh, en };
  }

  #count(state: ParticipantState): number {
    return [...this.#states.values()].filter((party) => party.state === state).length;
  }
}

function keyOf({ person, standsInFor = '' }: Party): string {
  return `${person}/${standsInFor}`;
}

/** Resolves when the signal is aborted. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
