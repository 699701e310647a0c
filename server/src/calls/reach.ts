import type { Person } from '@tocsin/protocol/directory.ts';
import type { Words } from '@tocsin/protocol/reaching.ts';
import type { ParticipantState } from '@tocsin/protocol/views.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { MediaEngine } from '#media/engine.ts';
import { askToConfirm } from './confirm.ts';
import type { Dialler } from './dialler.ts';
import type { DialOutcome, Leg } from './leg.ts';

export interface ReachOptions {
  confirm: 'press-1' | 'none';
  purpose: 'join' | 'confirm';
  message?: Words;
  ringForMs: number;
  confirmForMs: number;
  /** Attempts made before, so that the count goes on. */
  attemptsBefore?: number;
  from: { number: string; name?: string };
  answersItself?: boolean;
  signal: AbortSignal;
  /** Every change on the way, with the number being tried. `dialling` is told when the INVITE is on the wire. */
  onState(change: { state: ParticipantState; number: string; attempts: number; because?: string }): void;
}

/** How reaching one person ended; `leg` is his, answered and, where asked, confirmed. */
export type Reached =
  | { kind: 'reached'; leg: Leg; isConfirmed: boolean }
  | {
      kind: 'not-reached';
      state: Extract<ParticipantState, 'refused' | 'busy' | 'unanswered' | 'unreachable' | 'voicemail'>;
      because: string;
    }
  | { kind: 'stopped' };

/**
 * Reaches one person: his numbers in their order, until he answers and says yes. A clear no (refused, declined by
 * key) ends it at once: he has been reached and will not come.
 */
export async function reach(
  target: { person?: Person; numbers: string[] },
  options: ReachOptions,
  parts: { dialler: Dialler; engine: MediaEngine; clock: Clock; log: Log },
): Promise<Reached> {
  let attempts = options.attemptsBefore ?? 0;
  let last: Extract<Reached, { kind: 'not-reached' }> = {
    kind: 'not-reached',
    state: 'unreachable',
    because: 'no-number',
  };
  for (const number of target.numbers) {
    attempts += 1;
    const result = await tryNumber(number, attempts, target, options, parts);
    if (result.kind !== 'not-reached') return result;
    last = result;
    options.onState({ state: result.state, number, attempts, because: result.because });
    if (result.state === 'refused') return result;
  }
  return last;
}

async function tryNumber(
  number: string,
  attempts: number,
  target: { person?: Person },
  options: ReachOptions,
  parts: { dialler: Dialler; engine: MediaEngine; clock: Clock; log: Log },
): Promise<Reached> {
  const tell = (state: ParticipantState, because?: string) =>
    options.onState({ state, number, attempts, ...(because ? { because } : {}) });
  const outcome = await parts.dialler.dial(
    { number },
    {
      ringForMs: options.ringForMs,
      from: options.from,
      party: { number, ...(target.person ? { person: target.person.id, name: target.person.name } : {}) },
      ...(options.answersItself ? { answersItself: true } : {}),
      signal: options.signal,
      onInvited: () => tell('dialling'),
      onRinging: () => tell('ringing'),
    },
  );
  if (outcome.kind === 'cancelled') return { kind: 'stopped' };
  if (outcome.kind !== 'answered') return notReached(outcome);
  const { leg } = outcome;
  if (options.confirm === 'none') return { kind: 'reached', leg, isConfirmed: false };

  tell('confirming');
  const { message, purpose, confirmForMs: forMs, signal } = options;
  const confirmation = await askToConfirm(leg, { ...(message ? { message } : {}), purpose, forMs, signal }, parts);
  switch (confirmation) {
    case 'confirmed':
      return { kind: 'reached', leg, isConfirmed: true };
    case 'declined':
      await leg.hangUp('declined');
      return { kind: 'not-reached', state: 'refused', because: 'declined-by-key' };
    case 'not-confirmed':
      await leg.hangUp('not-confirmed');
      return { kind: 'not-reached', state: 'voicemail', because: 'no-key-pressed' };
    case 'machine':
      await leg.hangUp('not-confirmed');
      return { kind: 'not-reached', state: 'voicemail', because: 'answering-machine' };
    case 'hung-up':
      if (options.signal.aborted) {
        await leg.hangUp('abandoned');
        return { kind: 'stopped' };
      }
      return { kind: 'not-reached', state: 'unanswered', because: 'hung-up-before-confirming' };
  }
}

function notReached(
  outcome: Exclude<DialOutcome, { kind: 'answered' | 'cancelled' }>,
): Extract<Reached, { kind: 'not-reached' }> {
  switch (outcome.kind) {
    case 'busy':
      return { kind: 'not-reached', state: 'busy', because: 'busy' };
    case 'refused':
      return { kind: 'not-reached', state: 'refused', because: 'refused' };
    case 'unanswered':
      return { kind: 'not-reached', state: 'unanswered', because: 'no-answer' };
    case 'unreachable':
      return { kind: 'not-reached', state: 'unreachable', because: outcome.why };
  }
}
