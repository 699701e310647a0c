import { Dialog } from '../dialog/dialog.ts';
import { Request, type Response } from '../message/message.ts';
import { giveUpMs } from '../transaction/timing.ts';
import type { Flow } from '../transport/flow.ts';
import type { SessionCore } from './core.ts';
import { formatReason } from './reason.ts';

/** Calls being released at the same time; answers beyond are dropped, and their phones give up by themselves. */
const RELEASES_LIMIT = 1000;

/**
 * Releases phones that answer an INVITE of which nothing is known here: a call that rang when the process before this
 * one was killed. RFC 3261 §13.2.2.4 has every 2xx acknowledged, and a dialog that is not wanted ended by BYE; without
 * it whoever picks up hears nothing for 32 s. Both go back only to where the answer came from.
 */
export class StrayAnswers {
  readonly #core: SessionCore;
  readonly #released = new Set<string>();

  constructor(core: SessionCore) {
    this.#core = core;
  }

  take(response: Response, flow: Flow): void {
    const { layer, dialogs, log, later } = this.#core;
    if (response.status < 200 || response.status > 299 || response.cseq.method !== 'INVITE') return;
    if (response.fromTag === undefined || response.toTag === undefined) return;
    // Another's sent-by means that the response was not for us (RFC 3261 §18.1.2).
    const { via } = response;
    const ours = layer.addressFor(flow);
    if (via.host !== ours.host || (via.port ?? 5060) !== ours.port) return;
    const dialog = Dialog.asUac(inviteOf(response), response, flow);
    // A late copy of an answer that we know.
    if (dialogs.has(dialog.id)) return;
    if (!this.#released.has(dialog.id) && this.#released.size >= RELEASES_LIMIT) return;
    layer.sendAck(dialog.request('ACK', response.cseq.number), flow);
    if (this.#released.has(dialog.id)) return;
    this.#released.add(dialog.id);
    later(giveUpMs(layer.timing), () => this.#released.delete(dialog.id));
    log.info('a call of before the restart is released', { callId: dialog.callId });
    const bye = dialog.request('BYE').add('Reason', formatReason({ cause: 'server-restarted' }));
    layer.send(bye, flow, { onResponse() {}, onTimeout() {}, onTransportError() {} });
  }
}

/** The INVITE as far as its answer tells. */
function inviteOf(response: Response): Request {
  const { number } = response.cseq;
  return new Request('INVITE', 'sip:unknown')
    .add('From', response.get('From')!)
    .add('Call-ID', response.callId)
    .add('CSeq', `${number} INVITE`);
}
