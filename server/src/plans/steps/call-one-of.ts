import type { LedgerState, ParticipantState } from '@tocsin/protocol/views.ts';
import type { PartyChange, Words } from '@tocsin/protocol/reaching.ts';
import { z } from 'zod';
import { chosenPeople, nameOfPerson, PersonReference } from '../names.ts';
import { defineStep, type StepContext } from '../step.ts';
import { speechOf, spoken, Text } from '../text.ts';

const settings = z.object({
  people: z.array(PersonReference).min(1).max(50),
  except: z.array(PersonReference).max(50).optional().meta({ description: 'But not these.' }),
  within: z.array(PersonReference).max(50).optional().meta({ description: 'Only those who are also among these.' }),
  order: z.enum(['in-turn', 'parallel']).default('in-turn'),
  say: Text.meta({ description: 'Spoken to who answers; he confirms with 1.' }),
  ringS: z.number().int().min(5).max(120).default(25),
  confirmS: z.number().int().min(5).max(120).default(30),
  rounds: z.number().int().min(1).max(10).default(1).meta({ description: 'How often the list is gone through.' }),
});
type Settings = z.output<typeof settings>;

/** Calls the listed people, one after another or all at once, until one has confirmed by key. */
export const callOneOf = defineStep({
  kind: 'call-one-of',
  settings,
  sample: { people: ['{alarm.contacts}'], order: 'in-turn', say: '{alarm.person}发出求助，确认请按 1。', rounds: 2 },
  refers: { people: 'people', except: 'people', within: 'people' },

  needs(wanted, scope) {
    const people = chosenPeople(wanted, scope);
    const isParallel = wanted.order === 'parallel';
    return {
      voice: people,
      lines: isParallel ? people.length : Math.min(1, people.length),
      speech: speechOf(wanted.say, scope),
      seconds: (wanted.ringS + wanted.confirmS) * (isParallel ? 1 : Math.max(1, people.length)),
    };
  },

  async run(wanted, context) {
    const people = chosenPeople(wanted, context);
    if (people.length === 0) return { kind: 'failed', because: 'nobody-to-call' };
    context.offer({ redial: (person) => redial(person, wanted, context) });

    const done = alreadyDone(context);
    let confirmed = done.confirmedBy;
    for (let round = 1; round <= wanted.rounds && !confirmed; round++) {
      const skip = round === 1 ? done.failed : new Set<string>();
      const open = people.filter((person) => !skip.has(person));
      confirmed = await (wanted.order === 'parallel' ? allAtOnce : inTurn)(open, wanted, context);
    }
    context.signal.throwIfAborted();
    if (!confirmed) return { kind: 'failed', because: 'nobody-confirmed' };
    for (const person of people) if (person !== confirmed) skipIfUntouched(person, confirmed, context);
    const name = context.directory.person(confirmed)?.name ?? { zh: confirmed };
    return { kind: 'done', summary: { zh: `${name.zh} 已确认`, en: `${name.en ?? name.zh} confirmed` } };
  },
});

async function inTurn(people: string[], wanted: Settings, context: StepContext): Promise<string | undefined> {
  for (const person of people) {
    if (context.signal.aborted) return undefined;
    if (await callAndReport(person, wanted, context, context.signal)) return person;
  }
  return undefined;
}

async function allAtOnce(people: string[], wanted: Settings, context: StepContext): Promise<string | undefined> {
  const enough = new AbortController();
  const signal = AbortSignal.any([context.signal, enough.signal]);
  let first: string | undefined;
  await Promise.all(
    people.map(async (person) => {
      if (!(await callAndReport(person, wanted, context, signal))) return;
      first ??= person;
      enough.abort();
    }),
  );
  return first;
}

/** Begins the call and does not wait for its outcome, which the ledger tells. */
function redial(person: string, wanted: Settings, context: StepContext): Promise<void> {
  const { log } = context;
  // The step may have ended, and its signal with it: the call stands for itself.
  const called = callAndReport(person, wanted, context, new AbortController().signal);
  called.catch((error: unknown) => log.error('a redial failed inside', { person, error }));
  return Promise.resolve();
}

/** True when this person confirmed. */
async function callAndReport(
  person: string,
  wanted: Settings,
  context: StepContext,
  signal: AbortSignal,
): Promise<boolean> {
  const { run, calls, ledger, alarm } = context;
  const name = nameOfPerson(context.directory, person);
  context.show({ zh: `呼叫 ${name}`, en: `Calling ${context.directory.person(person)?.name.en ?? name}` });
  const outcome = await calls.callParty({
    person,
    message: message(wanted, context),
    confirm: 'press-1',
    ringForMs: wanted.ringS * 1000,
    confirmForMs: wanted.confirmS * 1000,
    run: run.id,
    incident: run.incident,
    alarm: alarm?.id,
    isDrill: run.isDrill,
    signal,
    onState(change) {
      if (change.state === 'dialling') context.figure('first-invite', change.at);
      const state = PROGRESS[change.state];
      if (state) reportProgress(change, state, context);
    },
  });
  const state = OUTCOMES[outcome.kind];
  const detail =
    outcome.kind === 'unreachable' ? outcome.detail : outcome.kind === 'declined' ? '未按键确认' : undefined;
  ledger.report({ person, channel: 'voice', state, detail });
  return outcome.kind === 'confirmed';
}

function message({ say }: Settings, context: StepContext): Words {
  return spoken(say, context, context.run.isDrill)[0]!;
}

function reportProgress(
  { person, at, attempts, detail }: PartyChange,
  state: LedgerState,
  { ledger }: StepContext,
): void {
  ledger.report({ person, channel: 'voice', state, at, attempts, detail });
}

/** On the way; the ends are told by the outcome. */
const PROGRESS: Partial<Record<ParticipantState, LedgerState>> = {
  dialling: 'sent',
  ringing: 'rung',
  confirming: 'answered',
};

const OUTCOMES = {
  confirmed: 'confirmed',
  answered: 'answered',
  declined: 'unanswered',
  refused: 'refused',
  busy: 'busy',
  unanswered: 'unanswered',
  unreachable: 'unreachable',
  voicemail: 'voicemail',
  aborted: 'skipped',
} as const satisfies Record<string, LedgerState>;

/** What a step that was interrupted by a restart had come to. */
function alreadyDone({ resumed, ledger }: StepContext): { confirmedBy?: string; failed: Set<string> } {
  if (!resumed) return { failed: new Set() };
  const rows = ledger.rows().filter((row) => row.channel === 'voice');
  const failures: LedgerState[] = ['refused', 'busy', 'unanswered', 'unreachable', 'voicemail', 'skipped'];
  return {
    confirmedBy: rows.find((row) => row.state === 'confirmed')?.person,
    failed: new Set(rows.filter((row) => failures.includes(row.state)).map((row) => row.person)),
  };
}

function skipIfUntouched(person: string, confirmed: string, { ledger, directory }: StepContext): void {
  const row = ledger.rows().find((one) => one.person === person && one.channel === 'voice');
  if (row && row.state !== 'queued' && row.state !== 'skipped') return;
  ledger.report({ person, channel: 'voice', state: 'skipped', detail: `${nameOfPerson(directory, confirmed)} 已确认` });
}
