import type { Listenable } from '#kernel/emitter.ts';
import type { KeptDialog } from './kept-dialog.ts';

/** Why and by whom a dialog ended. */
export interface DialogEnding {
  by: 'remote' | 'local' | 'no-ack' | 'timeout' | 'transport';
  /** What the peer's Reason header says, or our own words. */
  reason?: string;
  q850?: number;
  /** The status that ended it, when a response did (408, 481). */
  status?: number;
}

/** A change of the session that the peer proposes in a re-INVITE or UPDATE. Exactly one of the two is to be called. */
export interface Reoffer {
  /** Absent in a re-INVITE without a body: then `answer` carries our offer, and the peer's answer comes as 'late-answer'. */
  offer: string | undefined;
  answer(sdp: string): void;
  refuse(status: number): void;
}

/** The peer asks us to call someone else (REFER, RFC 3515). */
export interface Refer {
  /** The URI to call, without what Replaces it carried. */
  referTo: string;
  /** `call-id;to-tag=…;from-tag=…` of the dialog to take over (RFC 3891), unescaped. */
  replaces?: string;
  referredBy?: string;
  /** 202; then tell how the new call fares: a final status ends the telling. */
  accept(): { notify(status: number, reason: string): void };
  refuse(status: number): void;
}

export type InviteDialogEvents = {
  ended: [ending: DialogEnding];
  reoffer: [reoffer: Reoffer];
  /** The answer to an offer of ours that went out in a 2xx; comes in the ACK. */
  'late-answer': [sdp: string];
  info: [info: { contentType: string; body: string }];
  refer: [refer: Refer];
  /** How a call that we asked for with `refer` fares. */
  'refer-progress': [progress: { status: number; isFinal: boolean }];
};

/** An answered call, from its 2xx to its BYE (RFC 3261 §12 to §15). Its events after 'ended' are none. */
export interface InviteDialog extends Listenable<InviteDialogEvents> {
  readonly id: string;
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
  /** The peer's Contact URI. */
  readonly remoteTarget: string;
  readonly isEnded: boolean;
  /**
   * Proposes a change of the session. Waits for its turn when another change is going on; on a collision with the peer's
   * own (491) it tries again as RFC 3261 §14.1 says. 408 stands for no answer, 481 for a dialog that is no more.
   */
  reinvite(offer: string): Promise<{ kind: 'answered'; answer: string } | { kind: 'refused'; status: number }>;
  /** Ends the call; resolves when the BYE has been answered or given up. Calling it again does nothing. */
  bye(reason?: { cause: string; q850?: number }): Promise<void>;
  /** Sends an INFO; resolves with its status, 408 when unanswered. */
  info(contentType: string, body: string): Promise<number>;
  /** Asks the peer to call `target` (blind), or to take over the dialog `replaces` there (attended). Resolves with the status. */
  refer(target: string, options?: { replaces?: InviteDialog; referredBy?: string }): Promise<number>;
  /** What the next process needs to go on with this dialog; undefined when it cannot: a browser's connection dies with us. */
  kept(): KeptDialog | undefined;
}
