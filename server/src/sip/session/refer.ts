import { type Request, Response } from '../message/message.ts';
import { parseNameAddr } from '../message/name-addr.ts';
import { reasonPhrase } from '../message/status.ts';
import { formatUri, unescape } from '../message/uri.ts';
import type { ServerTransaction } from '../transaction/transaction-layer.ts';
import type { Refer } from './invite-dialog.ts';

/** How long a REFER's implicit subscription may last, in seconds (RFC 3515 §2.4.4). */
const REFER_SUBSCRIPTION_S = 180;

/**
 * Reads a REFER into what the application decides on. `notify` sends a NOTIFY with the given body and Subscription-State.
 * Throws BadMessage 400 when there is not exactly one good Refer-To.
 */
export function readRefer(
  request: Request,
  transaction: ServerTransaction,
  toTag: string,
  contact: string,
  notify: (fragment: string, subscriptionState: string, event: string) => void,
): Refer {
  const lines = request.all('Refer-To');
  const { uri } = parseNameAddr(lines.length === 1 ? lines[0]! : '');
  let replaces: string | undefined;
  if (uri.scheme === 'sip' || uri.scheme === 'sips') {
    for (const header of (uri.headers ?? '').split('&')) {
      const equals = header.indexOf('=');
      if (header.slice(0, equals).toLowerCase() === 'replaces') replaces = unescape(header.slice(equals + 1));
    }
    delete uri.headers;
  }
  const event = `refer;id=${request.cseq.number}`;
  // Refer-Sub: false asks for no NOTIFY at all, and is told that there will be none (RFC 4488 §4).
  const isSilent = request.get('Refer-Sub')?.toLowerCase() === 'false';
  let isAnswered = false;
  const respond = (status: number) => {
    if (isAnswered) return false;
    isAnswered = true;
    const response = Response.to(request, status, { toTag }).add('Contact', contact);
    transaction.respond(isSilent && status < 300 ? response.add('Refer-Sub', 'false') : response);
    return true;
  };
  const tell = (status: number, reason: string) => {
    const isFinal = status >= 200;
    const state = isFinal ? 'terminated;reason=noresource' : `active;expires=${REFER_SUBSCRIPTION_S}`;
    notify(`SIP/2.0 ${status} ${reason}\r\n`, state, event);
  };
  return {
    referTo: formatUri(uri),
    replaces,
    referredBy: request.get('Referred-By'),
    accept() {
      if (respond(202) && !isSilent) tell(100, reasonPhrase(100));
      let isOver = isSilent;
      return {
        notify(status, reason) {
          if (isOver) return;
          isOver = status >= 200;
          tell(status, reason);
        },
      };
    },
    refuse: (status) => void respond(status),
  };
}

/** The status a NOTIFY about our REFER carries in its message/sipfrag body. */
export function readReferProgress(notify: Request): { status: number; isFinal: boolean } | undefined {
  const status = /^SIP\/2\.0 (\d{3})/.exec(notify.bodyText)?.[1];
  if (notify.contentType !== 'message/sipfrag' || status === undefined) return undefined;
  return { status: Number(status), isFinal: /^terminated/i.test(notify.get('Subscription-State') ?? '') };
}
