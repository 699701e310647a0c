import type { LedgerRow, RunView } from '@tocsin/protocol/views.ts';
import type { Chance } from '#kernel/chance.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { Store } from '#store/store.ts';
import type { Timeline } from '#timeline/timeline.ts';
import type { LedgerChange } from './ledger.ts';
import type { LiveStep } from './run-step.ts';
import type { RunRecord } from './run-store.ts';
import type { PlanPorts, StepConference, StepContext, StepScope } from './step.ts';

export interface RunDeps {
  store: Store;
  timeline: Timeline;
  ports: PlanPorts;
  clock: Clock;
  chance: Chance;
  log: Log;
  /** At most every 100 ms: the run throttles itself. */
  onChanged(view: RunView): void;
  onEnded(view: RunView): void;
}

/** What the context needs of its run. */
export interface RunSide {
  deps: Pick<RunDeps, 'ports' | 'clock' | 'chance' | 'log'>;
  record: RunRecord;
  scope(): StepScope;
  rows(): LedgerRow[];
  report(change: LedgerChange): void;
  note(what: string, data: Record<string, unknown>): void;
  /** The conference of a step, once it is open. */
  conference(step: string): Promise<StepConference>;
  /** Something of the run, or of this step, has to be written and shown. */
  changed(step?: string): void;
  opened(conference: StepConference): void;
}

/** The view that one step has of its run and of the house. */
export function stepContext(step: LiveStep, signal: AbortSignal, isResumed: boolean, run: RunSide): StepContext {
  const { deps, record } = run;
  const { ports, clock, chance, log } = deps;
  const { id, name } = step.plan;
  return {
    ...run.scope(),
    ...ports,
    run: runFacts(record),
    step: { id, name },
    clock,
    chance,
    log: log.with({ run: record.id, step: id }),
    signal,
    resumed: isResumed ? { startedAt: step.record.startedAt ?? record.startedAt } : undefined,
    ledger: {
      report: (change) => run.report({ ...change, step: id, at: change.at ?? clock.now() }),
      rows: () => run.rows().filter((row) => row.step === id),
    },
    note: (what, data) => run.note(what, { ...data, step: id }),
    show(summary, progress) {
      if (step.record.state !== 'running') return;
      step.record.summary = summary;
      step.progress = progress;
      run.changed(id);
    },
    figure(what, at) {
      takeFigure(record, what, at);
      run.changed();
    },
    ask(question) {
      run.note('question-asked', { step: id, text: question.text });
      const answered = new Promise<string>((resolve) => (step.question = { view: question, answer: resolve }));
      run.changed(id);
      return orAborted(answered, signal);
    },
    offer: (handler) => (step.handler = handler),
    conferenceOf: (other) => orAborted(run.conference(other), signal),
    openedConference(conference) {
      run.opened(conference);
      step.conference.resolve(conference);
      // The run's own conference is that of its first conference step, also when it comes back after a restart.
      const isFirst = record.document.steps.find(({ kind }) => kind === step.plan.kind)?.id === id;
      if (isFirst || record.conference === undefined) record.conference = conference.id;
      run.changed();
    },
    openedIncident(incident) {
      record.incident = incident;
      run.changed();
    },
  };
}

function runFacts(record: RunRecord): StepContext['run'] {
  return {
    id: record.id,
    plan: record.plan,
    planName: record.document.name,
    isDrill: record.isDrill,
    startedBy: record.startedBy,
    startedAt: record.startedAt,
    level: record.document.level,
    // Read when it is asked for: an incident may be opened while the step runs.
    get incident() {
      return record.incident;
    },
  };
}

/** Figures count from the press: the first of a kind, and the last dialling. */
function takeFigure({ figures, startedAt }: RunRecord, what: Parameters<StepContext['figure']>[0], at: number): void {
  const ms = Math.max(0, at - startedAt);
  switch (what) {
    case 'first-invite':
      figures.firstInviteMs = Math.min(figures.firstInviteMs ?? ms, ms);
      break;
    case 'first-announcement':
      figures.firstAnnouncementMs = Math.min(figures.firstAnnouncementMs ?? ms, ms);
      break;
    case 'all-dialled':
      figures.allDialledMs = Math.max(figures.allDialledMs ?? 0, ms);
  }
}

/** What comes first: the promise, or the end of the step. */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    promise.then(resolve, reject);
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}
