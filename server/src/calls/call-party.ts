import type { CallPartyOutcome, PartyChange, Words } from '@tocsin/protocol/reaching.ts';
import type { ParticipantState } from '@tocsin/protocol/views.ts';
import type { Clock } from '#kernel/clock.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Log } from '#kernel/log.ts';
import type { Directory } from '#directory/directory.ts';
import type { MediaEngine } from '#media/engine.ts';
import type { Timeline } from '#timeline/timeline.ts';
import type { Dialler } from './dialler.ts';
import type { Leg } from './leg.ts';
import { reach } from './reach.ts';

/** After the key a short word of thanks, so that nobody wonders whether it was taken. */
const THANKS: Record<'zh' | 'en', string> = { zh: '已确认，谢谢。', en: 'Confirmed. Thank you.' };

/** Calls one person, speaks a message, and waits for the key; for calls that must reach somebody, not join anybody. */
export async function callParty(
  options: {
    person: string;
    /** Of his numbers only these; absent: all, in their order. */
    numbers?: string[];
    message: Words;
    confirm: 'press-1' | 'none';
    ringForMs: number;
    confirmForMs: number;
    from: { number: string; name?: string };
    run?: string;
    incident?: string;
    alarm?: string;
    isDrill: boolean;
    signal: AbortSignal;
    onState(change: PartyChange): void;
  },
  parts: { dialler: Dialler; engine: MediaEngine; directory: Directory; timeline: Timeline; clock: Clock; log: Log },
): Promise<CallPartyOutcome> {
  const person = parts.directory.person(options.person);
  if (!person) throw new DispatchError('PERSON_UNKNOWN', options.person);
  let attempts = 0;
  const tell = (state: ParticipantState, isSettled: boolean, more: { number?: string; detail?: string } = {}) => {
    const at = parts.clock.now();
    options.onState({ person: person.id, state, at, attempts, isSettled, ...more });
    const { run, incident, alarm, isDrill } = options;
    parts.timeline
      .append({
        kind: `call.party-${state}`,
        at,
        person: person.id,
        isDrill,
        ...(run ? { run } : {}),
        ...(incident ? { incident } : {}),
        ...(alarm ? { alarm } : {}),
        data: { name: person.name.zh, attempts, ...more },
      })
      .catch((error: unknown) => parts.log.error('timeline entry lost', { error }));
  };

  const result = await reach(
    { person, numbers: options.numbers ?? person.numbers.map((each) => each.dial) },
    {
      confirm: options.confirm,
      purpose: 'confirm',
      message: options.message,
      ringForMs: options.ringForMs,
      confirmForMs: options.confirmForMs,
      from: options.from,
      signal: options.signal,
      onState: ({ state, number, attempts: tried, because }) => {
        attempts = tried;
        tell(state, false, { number, ...(because ? { detail: because } : {}) });
      },
    },
    parts,
  );
  switch (result.kind) {
    case 'stopped':
      return { kind: 'aborted' };
    case 'reached': {
      const { leg, isConfirmed } = result;
      tell('in', true, { number: leg.party.number, detail: isConfirmed ? 'confirmed' : 'answered' });
      // Thanks are spoken while the plan goes on.
      void sayAndHangUp(
        leg,
        isConfirmed ? { text: THANKS[options.message.language], language: options.message.language } : options.message,
        parts,
      );
      return { kind: isConfirmed ? 'confirmed' : 'answered' };
    }
    case 'not-reached':
      tell(result.state, true, { detail: result.because });
      if (result.state === 'refused') return { kind: result.because === 'declined-by-key' ? 'declined' : 'refused' };
      if (result.state === 'unreachable') return { kind: 'unreachable', detail: result.because };
      return { kind: result.state };
  }
}

async function sayAndHangUp(leg: Leg, words: Words, { engine, log }: { engine: MediaEngine; log: Log }): Promise<void> {
  try {
    const { file } = await engine.speak(words);
    const bridge = await engine.openBridge({ label: `thanks ${leg.id}` });
    const playback = await engine.openPlayback({ source: { kind: 'file', path: file } });
    await bridge.add(leg.node, { heardBy: 'nobody' });
    await bridge.add(playback, { hears: 'nobody' });
    await Promise.race([playback.ended, leg.ended]);
    await playback.close();
    await bridge.close();
  } catch (error) {
    log.warn('thanks not spoken', { legId: leg.id, error });
  }
  await leg.hangUp('callee-hung-up');
}
