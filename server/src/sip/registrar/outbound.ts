import { type Request, Response } from '../message/message.ts';
import { type NameAddr, parseNameAddr } from '../message/name-addr.ts';

/** The number of one flow of a phone that keeps several (RFC 5626 §4.2), when the REGISTER asks for that; else undefined. */
export function flowNumberOf(request: Request, contact: NameAddr): number | undefined {
  const text = contact.params.get('reg-id');
  // Without the option tag, or without an instance that the flows belong to, reg-id says nothing (§6).
  if (text === undefined || !/^[1-9]\d{0,9}$/.test(text) || !contact.params.has('+sip.instance')) return undefined;
  return request.tags('Supported').includes('outbound') ? Number(text) : undefined;
}

/**
 * The 439 for a phone that keeps several flows and stands behind a proxy which does not keep them apart: the proxy nearest to
 * it, which is the last of Path, must say `ob` (RFC 5626 §6). Undefined when all is well.
 */
export function refuseFirstHop(request: Request, toTag: string): Response | undefined {
  if (request.list('Via').length < 2) return undefined;
  const nearest = pathOf(request).at(-1);
  if (nearest !== undefined && /;ob(?:[;>=]|$)/i.test(nearest)) return undefined;
  return Response.to(request, 439, { toTag });
}

/** The proxies between us and a phone, as its REGISTER has passed them, the nearest to us first (RFC 3327 §5.3). */
export function pathOf(request: Request): string[] {
  const path = request.list('Path');
  // What cannot be read must not be found out when the phone is called.
  for (const each of path) parseNameAddr(each);
  return path;
}
