import type { Clock } from '#kernel/clock.ts';
import type { UserAgent } from '#sip/user-agent/user-agent.ts';
import type { OpenMedia } from './dialler.ts';
import type { KeptCalls } from './kept-calls.ts';
import type { KeptLeg } from './kept-leg.ts';
import type { DialOutcome } from './leg.ts';
import type { Lines } from './lines.ts';
import { SipLeg } from './sip-leg.ts';

interface Parts {
  userAgent: UserAgent;
  openMedia: OpenMedia;
  lines: Lines;
  kept: KeptCalls;
  clock: Clock;
}

/**
 * Goes on ringing the phones that the process before this one rang for a call. The first that answers has the call, and
 * is given our media address of now; the others stop ringing.
 */
export async function ringOn(
  phones: KeptLeg[],
  options: { ringForMs: number; signal: AbortSignal },
  parts: Parts,
): Promise<DialOutcome> {
  const startedMs = parts.clock.monotonic();
  const stop = new AbortController();
  const timer = parts.clock.after(options.ringForMs, () => stop.abort('unanswered'));
  const signal = AbortSignal.any([stop.signal, options.signal]);
  const outcomes = await Promise.all(
    phones.map(async (phone) => {
      const leg = await ringOneOn(phone, signal, parts);
      if (!leg) return undefined;
      if (!signal.aborted) {
        stop.abort('answered-elsewhere');
        return leg;
      }
      await leg.hangUp('answered-elsewhere');
      return undefined;
    }),
  );
  timer.cancel();
  const leg = outcomes.find((each) => each !== undefined);
  const afterMs = Math.round(parts.clock.monotonic() - startedMs);
  if (leg) return { kind: 'answered', leg, afterMs };
  if (options.signal.aborted) return { kind: 'cancelled' };
  return { kind: 'unanswered', afterMs };
}

/** The leg when it has been answered, and its far end has our media address. */
async function ringOneOn(kept: KeptLeg, signal: AbortSignal, parts: Parts): Promise<SipLeg | undefined> {
  if (kept.at.kind !== 'ringing') return undefined;
  const outgoing = parts.userAgent.takeUpOutgoing(kept.at.invite);
  const giveBack = parts.lines.take(kept.trunk)?.giveBack;
  const media = giveBack && (await parts.openMedia(kept.party.number, false).catch(() => undefined));
  if (!giveBack || !media) {
    giveBack?.();
    outgoing.cancel('line-limit');
    return undefined;
  }
  const leg = SipLeg.takenUp(kept, parts.userAgent, media);
  leg.once('ended', giveBack);
  parts.kept.follow(leg);
  leg.follow(outgoing);
  const cancel = () => outgoing.cancel(String(signal.reason));
  if (signal.aborted) cancel();
  signal.addEventListener('abort', cancel, { once: true });
  const outcome = await outgoing.outcome;
  signal.removeEventListener('abort', cancel);
  if (outcome.kind === 'answered') return (await leg.establishAnew(outcome.dialog)) ? leg : undefined;
  leg.fail(outcome.kind === 'refused' ? 'declined' : 'nobody-answered');
  return undefined;
}
