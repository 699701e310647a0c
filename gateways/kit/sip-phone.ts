import type { Chance } from '@tocsin/server/kernel/chance.ts';
import type { Clock } from '@tocsin/server/kernel/clock.ts';
import type { IncomingInvite, InviteDialog, UserAgent } from '@tocsin/server/sip';
import { everyFrame } from './frame-clock.ts';
import { openVoiceLeg, SILENT_FRAME, type VoiceLeg } from './voice-leg.ts';

/** A call of a simulated device: it says its frames in turn, and silence when it has none. */
export interface PhoneTalk extends AsyncDisposable {
  readonly leg: VoiceLeg;
  /** Frames of A-law to say next. */
  say(frames: Uint8Array[]): void;
  /** Resolves when the call is over, whoever ended it. */
  readonly ended: Promise<void>;
}

interface Kit {
  agent: UserAgent;
  clock: Clock;
  chance: Chance;
}

/** Calls a SIP address. @returns what became of it when nobody answered */
export async function callBy(
  { agent, clock, chance }: Kit,
  options: { target: string; user: string; password?: string },
): Promise<PhoneTalk | { kind: 'not-answered'; why: string }> {
  const { target, user, password } = options;
  const leg = await openVoiceLeg({ host: agent.address.host, chance });
  const outcome = await agent.invite({
    target,
    from: { user },
    offer: leg.offer(),
    ...(password !== undefined && { credentials: { user, password } }),
  }).outcome;
  if (outcome.kind === 'answered' && leg.takeAnswer(outcome.answer)) return talk(outcome.dialog, leg, clock);
  if (outcome.kind === 'answered') await outcome.dialog.bye();
  await leg[Symbol.asyncDispose]();
  return { kind: 'not-answered', why: outcome.kind === 'refused' ? `refused: ${outcome.status}` : outcome.kind };
}

/** Answers a call at once. @returns undefined when it was not to be had */
export async function answerBy({ agent, clock, chance }: Kit, invite: IncomingInvite): Promise<PhoneTalk | undefined> {
  const leg = await openVoiceLeg({ host: agent.address.host, chance });
  const agreed = leg.answer(invite.offer ?? '');
  if (agreed.kind === 'refused' || invite.cancelled.aborted) {
    invite.refuse(488);
    await leg[Symbol.asyncDispose]();
    return undefined;
  }
  return talk(await invite.answer(agreed.answer), leg, clock);
}

function talk(dialog: InviteDialog, leg: VoiceLeg, clock: Clock): PhoneTalk {
  const script: Uint8Array[] = [];
  const frames = everyFrame(clock, () => leg.send(script.shift() ?? SILENT_FRAME));
  const over = Promise.withResolvers<void>();
  dialog.on('ended', () => over.resolve());
  dialog.on('reoffer', (reoffer) => {
    const again = leg.answer(reoffer.offer ?? '');
    if (again.kind === 'agreed') reoffer.answer(again.answer);
    else reoffer.refuse(488);
  });
  const ended = over.promise.then(async () => {
    frames.cancel();
    await leg[Symbol.asyncDispose]();
  });
  return {
    leg,
    ended,
    say: (more) => void script.push(...more),
    async [Symbol.asyncDispose]() {
      await dialog.bye().catch(() => {});
      over.resolve();
      await ended;
    },
  };
}
