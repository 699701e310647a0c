import type { LedgerChannel, StepView } from '@tocsin/protocol/views.ts';
import type { Timer } from '#kernel/clock.ts';
import { waitsFor } from './load.ts';
import type { PlanStep } from './plan.ts';
import type { StepRecord } from './run-store.ts';
import type { StepConference, StepHandler, StepNeeds, StepOutcome } from './step.ts';

/** A step of a run that is in memory: its record, and what lives only as long as the process does. */
export interface LiveStep {
  readonly plan: PlanStep;
  readonly record: StepRecord;
  /** 0-1, where it is known. */
  progress?: number;
  interrupt?: AbortController;
  timeout?: Timer;
  handler?: StepHandler;
  question?: { view: NonNullable<StepView['question']>; answer: (choice: string) => void };
  /** Resolved when the step opens a conference, rejected when it ends without. */
  readonly conference: PromiseWithResolvers<StepConference>;
}

export function liveStep(plan: PlanStep, record: StepRecord): LiveStep {
  const conference = Promise.withResolvers<StepConference>();
  // Nobody may be waiting for it.
  conference.promise.catch(() => {});
  return { plan, record, conference };
}

export function stepView({ plan, record, progress, question }: LiveStep): StepView {
  return {
    id: plan.id,
    kind: plan.kind,
    name: plan.name,
    after: waitsFor(plan),
    state: record.state,
    startedAt: record.startedAt,
    endedAt: record.endedAt,
    progress: record.state === 'running' ? progress : undefined,
    summary: record.summary,
    because: record.because,
    question: question?.view,
  };
}

/** A step that throws has crashed: that is an outcome too. */
export async function runSafely<T extends StepOutcome | void>(
  work: () => Promise<T>,
): Promise<T | { kind: 'crashed'; error: unknown }> {
  try {
    return await work();
  } catch (error) {
    return { kind: 'crashed', error };
  }
}

/** The ledger's first rows: whom a step intends to reach, and how. A text that carries a video's link is the video's. */
export function intentionsOf(needs: StepNeeds): { person: string; channel: LedgerChannel }[] {
  const { voice = [], texts = [], video = [], zones = [], channels = [] } = needs;
  const by = (channel: LedgerChannel, people: string[]) => people.map((person) => ({ person, channel }));
  return [
    ...by('voice', voice),
    ...by('sms', video.length > 0 ? [] : texts),
    ...by('video', video),
    ...by('pa', zones),
    ...by('radio', channels),
  ];
}
