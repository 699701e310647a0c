import type { Words } from '@tocsin/protocol/reaching.ts';
import { sleep, type Clock, type Timer } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { MediaEngine } from '#media/engine.ts';
import type { Leg } from './leg.ts';

/** The key that says yes, and the key that says no. */
export const CONFIRM_DIGIT = '1';
export const DECLINE_DIGIT = '2';

/**
 * What sounds like an answering machine gets so long to press a key all the same: a person with a radio beside him may be
 * taken for one. His deputy is called that much sooner than after the whole time.
 */
const MACHINE_MAY_PRESS_FOR_MS = 15_000;

/** Pause between two repetitions of the message. */
const REPEAT_GAP_MS = 1_200;

const PROMPTS = {
  join: { zh: '加入会议请按 1，不能参加请按 2。', en: 'Press 1 to join the conference, or 2 to decline.' },
  take: { zh: '有您的来电，接听请按 1，不接请按 2。', en: 'A call for you. Press 1 to take it, or 2 to decline.' },
  confirm: { zh: '确认请按 1，不能处理请按 2。', en: 'Press 1 to confirm, or 2 to decline.' },
} as const;

/** The words that follow the message; they are made into sound ahead of time. */
export function promptFor(purpose: keyof typeof PROMPTS, language: 'zh' | 'en'): Words {
  return { text: PROMPTS[purpose][language], language };
}

export type Confirmation = 'confirmed' | 'declined' | 'not-confirmed' | 'machine' | 'hung-up';

/**
 * Speaks to whoever answered until he presses 1 or 2, or the time is up. A voicemail never presses a key,
 * so it never gets past here, and one that is heard to be a machine is given up sooner.
 */
export async function askToConfirm(
  leg: Leg,
  options: { message?: Words; purpose: keyof typeof PROMPTS; forMs: number; signal?: AbortSignal },
  { engine, clock, log }: { engine: MediaEngine; clock: Clock; log: Log },
): Promise<Confirmation> {
  const done = new AbortController();
  const answer = Promise.withResolvers<Confirmation>();
  const offDigit = leg.on('digit', (digit) => {
    if (digit === CONFIRM_DIGIT) answer.resolve('confirmed');
    if (digit === DECLINE_DIGIT) answer.resolve('declined');
  });
  const timer = clock.after(options.forMs, () => answer.resolve('not-confirmed'));
  let machineTimer: Timer | undefined;
  leg.whoAnswers?.().then(
    (who) => {
      if (who !== 'machine' || done.signal.aborted) return;
      machineTimer = clock.after(MACHINE_MAY_PRESS_FOR_MS, () => answer.resolve('machine'));
    },
    (error: unknown) => log.debug('nobody tells who has answered', { legId: leg.id, error }),
  );
  const onGone = () => answer.resolve('hung-up');
  leg.gone.addEventListener('abort', onGone, { once: true });
  options.signal?.addEventListener('abort', onGone, { once: true });
  if (leg.gone.aborted || options.signal?.aborted) onGone();

  const language = options.message?.language ?? 'zh';
  const words = [...(options.message ? [options.message] : []), promptFor(options.purpose, language)];
  const speaking = speak(leg, words, done.signal, { engine, clock }).catch((error: unknown) =>
    log.warn('confirmation prompt not spoken', { legId: leg.id, error }),
  );
  const result = await answer.promise;
  done.abort();
  offDigit();
  timer.cancel();
  machineTimer?.cancel();
  options.signal?.removeEventListener('abort', onGone);
  // The leg must be off the prompt's bridge before it can join another.
  await speaking;
  return result;
}

/** Speaks the words one after another, again and again, until the signal. */
async function speak(
  leg: Leg,
  words: Words[],
  signal: AbortSignal,
  { engine, clock }: { engine: MediaEngine; clock: Clock },
) {
  const bridge = await engine.openBridge({ label: `confirm ${leg.id}` });
  try {
    await bridge.add(leg.node, { heardBy: 'nobody' });
    while (!signal.aborted) {
      for (const each of words) {
        const { file } = await engine.speak(each);
        if (signal.aborted) break;
        const playback = await engine.openPlayback({ source: { kind: 'file', path: file } });
        await bridge.add(playback, { hears: 'nobody' });
        await Promise.race([playback.ended, untilAborted(signal)]);
        await bridge.remove(playback);
        await playback.close();
      }
      await sleep(clock, REPEAT_GAP_MS, signal).catch(() => {});
    }
  } finally {
    await bridge.remove(leg.node);
    await bridge.close();
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
