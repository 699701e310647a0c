/** One dialog of a user as busy lamps know it (RFC 4235 §4.1.2). */
export interface DialogLamp {
  id: string;
  state: 'trying' | 'early' | 'confirmed' | 'terminated';
  direction: 'initiator' | 'recipient';
  /** The URI at the other end, for pickup and display. */
  remote?: string;
  /** What it is called by, as we see it (RFC 3891 §3 wants our tag as `to-tag`). */
  ids?: { callId: string; localTag: string; remoteTag: string };
}

/** A dialog-info body with the whole state of `entity` (RFC 4235), type `application/dialog-info+xml`. */
export function dialogInfo(entity: string, version: number, dialogs: readonly DialogLamp[]): string {
  const inside = dialogs.map(({ id, state, direction, remote, ids }) => {
    const named = ids
      ? ` call-id="${escapeXml(ids.callId)}" local-tag="${escapeXml(ids.localTag)}" remote-tag="${escapeXml(ids.remoteTag)}"`
      : '';
    const other = remote === undefined ? '' : `<remote><identity>${escapeXml(remote)}</identity></remote>`;
    return `<dialog id="${escapeXml(id)}"${named} direction="${direction}"><state>${state}</state>${other}</dialog>`;
  });
  return (
    '<?xml version="1.0"?>\n' +
    `<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="${version}" state="full" entity="${escapeXml(entity)}">` +
    `${inside.join('')}</dialog-info>\n`
  );
}

/** A message-summary body (RFC 3842), type `application/simple-message-summary`. */
export const messageSummary = (account: string, voice: { unheard: number; heard: number }): string =>
  `Messages-Waiting: ${voice.unheard > 0 ? 'yes' : 'no'}\r\nMessage-Account: ${account}\r\nVoice-Message: ${voice.unheard}/${voice.heard}\r\n`;

const XML: Record<string, string> = { '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;', "'": '&apos;' };
const escapeXml = (text: string): string => text.replace(/[<>&"']/g, (character) => XML[character]!);
