import { Dialog } from '../dialog/dialog.ts';
import type { Address, Flow, Hop } from '../transport/flow.ts';
import type { SessionTerms } from './session-timer.ts';

/**
 * A dialog as it is kept outside the process, so that the next one can go on with it (RFC 3261 §12): plain JSON, without
 * passwords.
 */
export interface KeptDialog {
  callId: string;
  localTag: string;
  remoteTag: string;
  /** From and To of our requests, as they go on the wire. */
  local: string;
  remote: string;
  routeSet: string[];
  remoteTarget: string;
  localCSeq: number;
  remoteCSeq?: number;
  /** Over UDP through a NAT: where its requests came from, since its Contact does not lead there. */
  udpPeer?: Address;
  /** The user part of our Contact. */
  contactUser: string;
  isCaller: boolean;
  peerAllowsUpdate: boolean;
  terms?: SessionTerms;
  /** Whether the sound was secured (RTP/SAVP). What we had said of our media, keys included, is not kept. */
  isSecured: boolean;
}

/**
 * What is skipped of our numbers when a dialog is taken up again: requests may have gone out since it was kept. The peer
 * takes any higher number (RFC 3261 §12.2.2).
 */
const CSEQ_GAP = 1000;

/** The dialog as it can be kept. Undefined for a peer behind a WebSocket: nobody but its browser can open that again. */
export function keepDialog(
  dialog: Dialog,
): Omit<KeptDialog, 'contactUser' | 'isCaller' | 'peerAllowsUpdate' | 'isSecured'> | undefined {
  const { callId, localTag, remoteTag, local, remote, routeSet, remoteTarget, localCSeq, remoteCSeq, flow } = dialog;
  if (flow?.transport === 'ws') return undefined;
  return {
    callId,
    localTag,
    remoteTag,
    local,
    remote,
    routeSet,
    remoteTarget,
    localCSeq,
    ...(remoteCSeq === undefined ? {} : { remoteCSeq }),
    ...(flow?.transport === 'udp' ? { udpPeer: flow.remote } : {}),
  };
}

/** The dialog that was kept, over a flow of this process: `flowTo` gives one; a connection is opened again when needed. */
export function dialogOf(kept: KeptDialog, flowTo: (hop: Hop) => Flow | undefined): Dialog {
  return Dialog.of({
    ...kept,
    localCSeq: kept.localCSeq + CSEQ_GAP,
    remoteCSeq: kept.remoteCSeq,
    flow: kept.udpPeer && flowTo({ transport: 'udp', ...kept.udpPeer }),
  });
}
