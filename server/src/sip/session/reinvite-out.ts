import { sleep } from '#kernel/clock.ts';
import { answerChallenge } from '../auth/digest-client.ts';
import type { Dialog } from '../dialog/dialog.ts';
import type { Request, Response } from '../message/message.ts';
import type { Flow } from '../transport/flow.ts';
import type { Credentials, SessionCore } from './core.ts';
import type { OfferTurn } from './offer-turn.ts';
import { isChallenge } from './send-request.ts';

type ReinviteOutcome =
  { kind: 'answered'; response: Response } | { kind: 'refused'; status: number; response?: Response };

/** Collisions in a row after which a re-INVITE is given up with 491. */
const COLLISIONS_LIMIT = 5;

/**
 * Sends a re-INVITE (RFC 3261 §14.1), acknowledges its 2xx, and tries again after a collision: the owner of the Call-ID
 * waits 2.1 to 4 s, the other side 0 to 2 s, so that one of the two comes first. 408 when nobody answered.
 */
export async function sendReinvite(
  core: SessionCore,
  dialog: Dialog,
  turn: OfferTurn,
  options: {
    ownsCallId: boolean;
    credentials?: Credentials;
    signal: AbortSignal;
    /** Puts Contact, body and the session's headers on the request. */
    complete(request: Request): void;
  },
): Promise<ReinviteOutcome> {
  let challenge: Response | undefined;
  for (let collisions = 0; ;) {
    await turn.takeForUs();
    if (options.signal.aborted) {
      turn.release();
      return { kind: 'refused', status: 481 };
    }
    const request = dialog.request('INVITE');
    options.complete(request);
    if (challenge) answerChallenge(request, challenge, options.credentials!, core.chance);
    const flow = core.flowFor(dialog);
    const response = flow ? await sendInDialogInvite(core, dialog, request, flow) : undefined;
    turn.release();
    if (!response) return { kind: 'refused', status: 408 };
    if (response.status < 300) return { kind: 'answered', response };
    if (isChallenge(response) && options.credentials && !challenge) {
      challenge = response;
      continue;
    }
    collisions += 1;
    if (response.status !== 491 || collisions === COLLISIONS_LIMIT)
      return { kind: 'refused', status: response.status, response };
    // In steps of 10 ms, as the RFC has it.
    const stepMs = Math.floor(core.chance.fraction() * 200) * 10;
    const delayMs = options.ownsCallId ? 2100 + Math.min(stepMs, 1900) : stepMs;
    try {
      await sleep(core.clock, delayMs, options.signal);
    } catch {
      return { kind: 'refused', status: 481 };
    }
  }
}

/** Resolves with the final response, a 2xx acknowledged; undefined when none came. */
function sendInDialogInvite(
  core: SessionCore,
  dialog: Dialog,
  request: Request,
  flow: Flow,
): Promise<Response | undefined> {
  return new Promise((resolve) => {
    core.layer.send(request, flow, {
      onResponse(response) {
        if (response.isProvisional) return;
        if (response.status < 300) {
          dialog.refreshTarget(response);
          const ackFlow = core.flowFor(dialog) ?? flow;
          core.layer.sendAck(dialog.request('ACK', request.cseq.number), ackFlow);
        }
        resolve(response);
      },
      onTimeout: () => resolve(undefined),
      onTransportError: () => resolve(undefined),
    });
  });
}
