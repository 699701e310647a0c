import type { DialogTable, Takeover } from '../dialog/dialog-table.ts';
import { dialogId } from '../dialog/dialog.ts';
import type { Request } from '../message/message.ts';
import { parseReplaces } from './replaces.ts';

/**
 * Finds what a call takes over, by the rules of RFC 3891 §3: 481 for a dialog that there is not, that is no call, or that
 * rings and was not called by us; 603 for one that has ended; 486 for one that talks when only a ringing one was meant.
 * Undefined without Replaces. Throws BadMessage 400 for more than one, or one that cannot be read.
 */
export function findTakeover(
  request: Request,
  dialogs: DialogTable,
): { kind: 'found'; takeover: Takeover } | { kind: 'refused'; status: 481 | 486 | 603 } | undefined {
  const lines = request.all('Replaces');
  if (lines.length === 0) return undefined;
  const { callId, localTag, remoteTag, isEarlyOnly } = parseReplaces(lines.length === 1 ? lines[0]! : '');
  const id = dialogId(callId, localTag, remoteTag);
  const found = dialogs.replaceable(id);
  switch (found?.kind) {
    case undefined:
    case 'ringing-here':
      return { kind: 'refused', status: 481 };
    case 'ended':
      return { kind: 'refused', status: 603 };
    case 'talking':
      return isEarlyOnly ? { kind: 'refused', status: 486 } : { kind: 'found', takeover: found };
    case 'ringing':
      return { kind: 'found', takeover: found };
  }
}
