import type { RunView, StepState } from '@tocsin/protocol/views.ts';

/** What can happen to a step. */
export type StepInput = 'start' | 'done' | 'failed' | 'timed-out' | 'skip' | 'condition-false' | 'run-over';

/** Read a row as "in this state, on this input, become that". An input without a row comes too late and is dropped. */
export const STEP_TABLE: Record<StepState, Partial<Record<StepInput, StepState>>> = {
  waiting: { start: 'running', skip: 'skipped', 'condition-false': 'skipped', 'run-over': 'skipped' },
  running: { done: 'done', failed: 'failed', 'timed-out': 'failed', skip: 'skipped', 'run-over': 'skipped' },
  done: {},
  failed: {},
  skipped: {},
};

export type RunInput = 'steps-ended' | 'stop' | 'step-failed-hard' | 'cannot-resume';

export const RUN_TABLE: Record<RunView['state'], Partial<Record<RunInput, RunView['state']>>> = {
  running: { 'steps-ended': 'done', stop: 'stopped', 'step-failed-hard': 'failed', 'cannot-resume': 'failed' },
  done: {},
  failed: {},
  stopped: {},
};

/** Whether a step in this state lets those start that wait for it. */
export function hasEnded(state: StepState): boolean {
  return Object.keys(STEP_TABLE[state]).length === 0;
}
