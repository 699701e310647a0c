import type { Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { OutgoingInvite } from '#sip/session/outgoing-invite.ts';
import type { UserAgent } from '#sip/user-agent/user-agent.ts';
import type { OpenMedia } from './dialler.ts';
import type { KeptCalls } from './kept-calls.ts';
import type { KeptLeg } from './kept-leg.ts';
import type { Lamps } from './lamps.ts';
import type { Lines } from './lines.ts';
import { SipLeg } from './sip-leg.ts';

/**
 * A far end that has not answered our re-INVITE after this long is taken to be gone. Those who are still there answer
 * within a round trip, and the others' call must not wait for one who is not.
 */
const RENEW_WITHIN_MS = 2000;

/** Q.850, for a caller whose call could not be gone on with: he may call again. */
const TEMPORARY_FAILURE = 41;

/** What taking up legs needs of the house. */
interface TakeUpParts {
  userAgent: UserAgent;
  openMedia: OpenMedia;
  lines: Lines;
  lamps: Lamps;
  kept: KeptCalls;
  clock: Clock;
  log: Log;
}

/** A leg of the process before this one, with its line, media and lamp of now. */
export interface TakenUpLeg {
  leg: SipLeg;
  /** Our INVITE, when its phone still rings. */
  outgoing?: OutgoingInvite;
}

/**
 * Goes on with a leg of the process before this one, in whatever state it was. One that talks is given our media address of
 * now. `other`: the number at the other end of its call. Undefined when its far end is not there any more, or there is no
 * line or media for it; it has then been let go.
 */
export async function takeUpLeg(kept: KeptLeg, other: string, parts: TakeUpParts): Promise<TakenUpLeg | undefined> {
  const giveBack = parts.lines.take(kept.trunk)?.giveBack;
  if (!giveBack) return void releaseLeg(kept, parts.userAgent);
  try {
    const isSecured = kept.at.kind === 'answered' && kept.at.dialog.isSecured;
    const media = await parts.openMedia(kept.party.number, false, isSecured ? { srtp: 'required' } : {});
    const leg = SipLeg.takenUp(kept, parts.userAgent, media);
    leg.once('ended', giveBack);
    const outgoing = kept.at.kind === 'ringing' ? parts.userAgent.takeUpOutgoing(kept.at.invite) : undefined;
    if (outgoing) leg.follow(outgoing);
    parts.kept.follow(leg);
    if (kept.party.account !== undefined) parts.lamps.follow(kept.party.account, leg, other);
    if (outgoing) return { leg, outgoing };
    // Who waits for our answer needs none now; his phone knows the call by what it was told before.
    if (leg.state !== 'answered') return leg.state === 'ringing' ? { leg } : undefined;
    const late = parts.clock.after(RENEW_WITHIN_MS, () => void leg.hangUp('signalling-lost'));
    const isThere = await Promise.race([leg.renew(), leg.ended.then(() => false)]);
    late.cancel();
    return isThere ? { leg } : undefined;
  } catch (error) {
    giveBack();
    parts.log.warn('a leg could not be taken up', { legId: kept.id, number: kept.party.number, error });
    releaseLeg(kept, parts.userAgent);
    return undefined;
  }
}

/** Tells the far end of a kept leg that its call is over. */
export function releaseLeg({ at }: KeptLeg, userAgent: UserAgent): void {
  switch (at.kind) {
    case 'answered':
      return void userAgent.takeUp(at.dialog).bye({ cause: 'server-restarted' });
    case 'waiting':
      return userAgent.takeUpIncoming(at.invite).refuse(503, undefined, TEMPORARY_FAILURE);
    case 'ringing':
      return userAgent.takeUpOutgoing(at.invite).cancel('server-restarted');
  }
}
