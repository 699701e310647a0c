import { parseDatagram } from '../message/parse.ts';
import { Request } from '../message/message.ts';
import type { Address, Flow } from '../transport/flow.ts';

/**
 * A call that rings as it is kept outside the process, so that the next one can go on with it: the INVITE as it went over
 * the wire, and where the other end is. Plain JSON. Only over UDP: what rings over a connection ends with it.
 */
interface KeptInvite {
  /** Base64. */
  invite: string;
  peer: Address;
}

/** A call that has come in and waits for our answer. */
export interface KeptIncoming extends KeptInvite {
  /** Our tag in the provisional response, by which the caller knows the dialog. */
  toTag: string;
  account?: string;
  trunk?: string;
}

/** A call that we have made and that rings. */
export interface KeptOutgoing extends KeptInvite {
  localUser: string;
  isFlowBound: boolean;
}

export function keepInvite(invite: Request, flow: Flow): KeptInvite | undefined {
  if (flow.transport !== 'udp') return undefined;
  return { invite: invite.toBuffer().toString('base64'), peer: flow.remote };
}

/** The INVITE that was kept. */
export function inviteOf({ invite }: KeptInvite): Request {
  const parsed = parseDatagram(Buffer.from(invite, 'base64'));
  if (parsed.kind !== 'message' || !(parsed.message instanceof Request)) throw new Error('what was kept is no INVITE');
  return parsed.message;
}
