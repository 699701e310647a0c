import { type Request, Response } from '../message/message.ts';
import type { Credentials, SessionCore } from '../session/core.ts';
import { type Party, partyOf } from '../session/incoming-invite.ts';
import type { ServerTransaction } from '../transaction/transaction-layer.ts';
import type { Binding } from '../registrar/binding.ts';

/** A text that came by MESSAGE (RFC 3428): accept or refuse it within 20 s. */
export interface IncomingMessage {
  readonly from: Party;
  readonly to: Party;
  /** Who sent it, proven by digest. */
  readonly account?: string;
  /** The trunk it came by. */
  readonly trunk?: string;
  readonly contentType: string;
  readonly body: string;
  readonly request: Request;
  /** 200: it is in good hands. */
  accept(): void;
  /** Refuses with a final status of 300 to 699. */
  refuse(status: number): void;
}

export interface MessageOptions {
  /** A sip: URI, or a registered contact, which is reached the way it registered. */
  target: string | Binding;
  from: { user: string; displayName?: string };
  /** `text/plain` when absent. */
  contentType?: string;
  body: string;
  credentials?: Credentials;
}

export type MessageOutcome =
  { kind: 'answered'; status: number } | { kind: 'unanswered' } | { kind: 'unreachable'; detail: string };

/** A message that nobody decides on is answered 500, so that its sender tries again. */
const DECIDE_WITHIN_MS = 20_000;

export function readMessage(
  core: SessionCore,
  request: Request,
  transaction: ServerTransaction,
  who: { account?: string; trunk?: string },
): IncomingMessage {
  const toTag = core.chance.token(6);
  let isAnswered = false;
  const respond = (status: number) => {
    if (isAnswered) return;
    isAnswered = true;
    transaction.respond(Response.to(request, status, { toTag }));
  };
  core.later(DECIDE_WITHIN_MS, () => respond(500));
  return {
    ...who,
    from: partyOf(request.from),
    to: partyOf(request.to),
    contentType: request.contentType ?? '',
    body: request.bodyText,
    request,
    accept: () => respond(200),
    refuse: respond,
  };
}
