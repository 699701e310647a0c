import type { RoutingQuestion } from '#calls/routing/routing.ts';
import { readHistory } from '#sip/message/identity.ts';
import { userOf } from '#sip/message/uri.ts';
import type { IncomingInvite } from '#sip/session/incoming-invite.ts';
import type { Desk } from './desk.ts';

/** What an INVITE asks of routing, and what else its trunk says. */
interface ReadCall {
  question: RoutingQuestion;
  /** The trunk's line it came over, where lines have names. */
  line?: string;
  isAnonymous: boolean;
}

/** Reads who calls whom: the account that has proven itself, or what the trunk says, as far as the site believes it. */
export function readCall(
  invite: IncomingInvite,
  { routingBook, clock }: Pick<Desk, 'routingBook' | 'clock'>,
): ReadCall {
  const { account } = invite;
  const atMs = clock.now();
  const dialled = withoutParameters(invite.dialled);
  const history = readHistory(invite.request);
  const { isAnonymous } = history;
  const trunk = routingBook.site.trunks.find(({ id }) => id === invite.trunk);
  if (!trunk) return { question: { dialled, calling: account ?? invite.from.user, account, atMs }, isAnonymous };

  const asserted = trunk.identity.believes ? history.asserted?.user : undefined;
  // A registrar rings us at the contact that we gave it; whom the caller dialled stands in To.
  const called = dialled === trunk.register?.user ? withoutParameters(invite.to.user) || dialled : dialled;
  const line = lineOf(invite, called, trunk.lineNames);
  return {
    question: { dialled: called, calling: withoutParameters(asserted ?? invite.from.user), trunk: trunk.id, atMs },
    ...(line === undefined ? {} : { line }),
    isAnonymous,
  };
}

/** By the trunk group in Contact (RFC 4904 §4), or by the line's own number. */
function lineOf(
  { request }: IncomingInvite,
  called: string,
  names: readonly { id: string; number?: string | undefined }[],
): string | undefined {
  if (names.length === 0) return undefined;
  const [contact] = request.contacts;
  const group = contact !== undefined && contact !== '*' ? /;tgrp=([^;]+)/i.exec(userOf(contact.uri))?.[1] : undefined;
  return names.find(({ id, number }) => id === group || (number !== undefined && number === called))?.id;
}

/** A user part may carry parameters of a telephone number (RFC 3261 §19.1.6); an anonymous caller has none at all. */
function withoutParameters(user: string): string {
  return user.split(';', 1)[0]!;
}
