import { type Request, Response } from '../message/message.ts';
import { ALLOW, SUPPORTED } from '../session/core.ts';
import { refuseShortInterval } from '../session/session-timer.ts';

/** Looks at a request outside a dialog; a response refuses it. */
type Check = (request: Request, toTag: string) => Response | undefined;

/** What every request outside a dialog must pass, in this order (RFC 3261 §8.2). */
const CHECKS: readonly Check[] = [
  refuseUnknownMethod,
  refuseScheme,
  refuseRecord,
  refuseExtension,
  refuseStray,
  refuseHops,
  refuseBody,
  refuseAnswerType,
  refuseInterval,
];

/** The first refusal, or undefined for a request to be served. */
export function checkRequest(request: Request, toTag: string): Response | undefined {
  for (const check of CHECKS) {
    const refusal = check(request, toTag);
    if (refusal) return refusal;
  }
  return undefined;
}

/** Methods of extensions we know of but do not offer: 405. What nobody has heard of is 501 (§8.2.1, §21.5.2). */
const NOT_OFFERED = new Set(['PUBLISH']);
const OFFERED = new Set(ALLOW.split(', '));

function refuseUnknownMethod(request: Request, toTag: string): Response | undefined {
  if (OFFERED.has(request.method)) return undefined;
  const status = NOT_OFFERED.has(request.method) ? 405 : 501;
  return Response.to(request, status, { toTag }).add('Allow', ALLOW);
}

function refuseScheme(request: Request, toTag: string): Response | undefined {
  const { scheme } = request.uri;
  return scheme === 'other' ? Response.to(request, 416, { toTag }) : undefined;
}

/** A registration is for a SIP address of record, whoever asks for it (RFC 4475 §3.3.4). */
function refuseRecord(request: Request, toTag: string): Response | undefined {
  if (request.method !== 'REGISTER' || request.to.uri.scheme !== 'other') return undefined;
  return Response.to(request, 400, { reason: 'Bad Request - To is no address of record', toTag });
}

function refuseExtension(request: Request, toTag: string): Response | undefined {
  const unknown = request.tags('Require').filter((tag) => !(SUPPORTED as readonly string[]).includes(tag));
  if (unknown.length === 0) return undefined;
  return Response.to(request, 420, { toTag }).add('Unsupported', unknown.join(', '));
}

/** Methods that mean something only in a dialog. */
const IN_DIALOG_ONLY = new Set(['BYE', 'INFO', 'UPDATE', 'PRACK', 'NOTIFY', 'REFER']);

function refuseStray(request: Request, toTag: string): Response | undefined {
  if (request.toTag === undefined && !IN_DIALOG_ONLY.has(request.method)) return undefined;
  return Response.to(request, 481, { toTag });
}

/**
 * A call that we would lead on must not be led on for ever; everything else ends here and may be answered at zero
 * (RFC 3261 §16.3, §11).
 */
function refuseHops(request: Request, toTag: string): Response | undefined {
  return request.method === 'INVITE' && request.maxForwards === 0 ? Response.to(request, 483, { toTag }) : undefined;
}

function refuseBody(request: Request, toTag: string): Response | undefined {
  const type = request.contentType;
  if (request.method !== 'INVITE' || type === undefined) return undefined;
  const isCoded = request.has('Content-Encoding') && request.get('Content-Encoding')!.toLowerCase() !== 'identity';
  if (!isCoded && request.sdp !== undefined) return undefined;
  const response = Response.to(request, 415, { toTag }).add('Accept', 'application/sdp');
  return isCoded ? response.add('Accept-Encoding', 'identity') : response;
}

/** A caller who takes no session description in return cannot be answered (RFC 4475 §3.3.15). */
function refuseAnswerType(request: Request, toTag: string): Response | undefined {
  if (request.method !== 'INVITE' || !request.has('Accept')) return undefined;
  const types = request
    .all('Accept')
    .join(',')
    .split(',')
    .map((type) => type.split(';', 1)[0]!.trim().toLowerCase());
  const isTaken = types.some((type) => type === 'application/sdp' || type === 'application/*' || type === '*/*');
  return isTaken ? undefined : Response.to(request, 406, { toTag });
}

function refuseInterval(request: Request, toTag: string): Response | undefined {
  return request.method === 'INVITE' ? refuseShortInterval(request, toTag) : undefined;
}
