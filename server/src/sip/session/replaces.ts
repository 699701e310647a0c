import { BadMessage } from '../message/bad-message.ts';
import { parseTokenWithParams } from '../message/message.ts';

/** The dialog that a Replaces means (RFC 3891 §3), as the side sees it that is to give it up. */
export interface Replaces {
  callId: string;
  /** Our tag in that dialog. */
  localTag: string;
  /** The peer's. */
  remoteTag: string;
  /** Only a dialog that still rings may be replaced. */
  isEarlyOnly: boolean;
}

/** Reads `call-id;to-tag=…;from-tag=…`, as `IncomingInvite.replaces` and `Refer.replaces` have it. Throws BadMessage 400. */
export function parseReplaces(text: string): Replaces {
  const { token, params } = parseTokenWithParams(text);
  const localTag = params.get('to-tag');
  const remoteTag = params.get('from-tag');
  if (token === '' || localTag === undefined || remoteTag === undefined)
    throw new BadMessage('Replaces needs a Call-ID and both tags');
  return { callId: token, localTag, remoteTag, isEarlyOnly: params.has('early-only') };
}
