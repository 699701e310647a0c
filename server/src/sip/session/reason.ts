import type { Request, Response } from '../message/message.ts';
import { parseTokenWithParams } from '../message/message.ts';

/** Why a call ended, as a Reason header tells it (RFC 3326). */
export interface Reason {
  /** Our own words, in the `text` of protocol "SIP" or "Q.850". */
  cause: string;
  /** The ISDN cause, 1 to 127. */
  q850?: number;
  /** The SIP status meant, as in a CANCEL of the branches of a fork that lost. */
  status?: number;
}

/**
 * Writes the header; a cause of Q.850 when there is one, for that is what trunks read. Without either code it is SIP 200,
 * which in a CANCEL keeps the call out of the phone's list of missed ones, so a CANCEL names its own.
 */
export function formatReason({ cause, q850, status }: Reason): string {
  const text = cause.replace(/["\\\r\n]/g, ' ');
  return q850 === undefined ? `SIP;cause=${status ?? 200};text="${text}"` : `Q.850;cause=${q850};text="${text}"`;
}

/** Reads what Reason headers there are; a malformed one says nothing. */
export function readReason(message: Request | Response): Reason | undefined {
  try {
    let reason: Reason | undefined;
    for (const line of message.list('Reason')) {
      const { token, params } = parseTokenWithParams(line);
      const code = Number(params.get('cause') ?? Number.NaN);
      reason ??= { cause: params.get('text') ?? token };
      if (token.toUpperCase() === 'Q.850' && code >= 1 && code <= 127) reason.q850 = code;
      if (token.toUpperCase() === 'SIP' && code >= 100 && code <= 699) reason.status = code;
      reason.cause = params.get('text') ?? reason.cause;
    }
    return reason;
  } catch {
    return undefined;
  }
}
