import type { Timer } from '#kernel/clock.ts';
import { type Request, Response } from '../message/message.ts';
import { InviteServerTransaction } from '../transaction/invite-server.ts';
import type { ServerTransaction } from '../transaction/transaction-layer.ts';
import type { SessionCore } from './core.ts';
import type { Reoffer } from './invite-dialog.ts';
import type { OfferTurn } from './offer-turn.ts';
import { Repeat2xx } from './repeat-2xx.ts';

/** The application must decide on a reoffer within this time; then it is refused with 500. */
const DECIDE_WITHIN_MS = 20_000;

/** The peer's re-INVITEs and UPDATEs with an offer (RFC 3261 §14.2, RFC 3311 §5.2). */
export class ReofferIn {
  readonly #core: SessionCore;
  readonly #turn: OfferTurn;
  readonly #localTag: string;
  #repeat: Repeat2xx | undefined;
  #awaitsLateAnswer = false;
  #open: { refuse: (status: number) => void } | undefined;

  constructor(core: SessionCore, turn: OfferTurn, localTag: string) {
    this.#core = core;
    this.#turn = turn;
    this.#localTag = localTag;
  }

  /**
   * Takes a reoffer and returns what the application gets, or refuses it by itself and returns undefined: 491 while an
   * offer of ours is open, 500 with Retry-After while one of the peer's is. `complete` puts the session's headers on the
   * 2xx; `onNoAck` hears of a re-INVITE whose 2xx was never acknowledged.
   */
  receive(
    request: Request,
    transaction: ServerTransaction,
    complete: (response: Response, sdp: string) => void,
    onNoAck: () => void,
  ): Reoffer | undefined {
    const isInvite = transaction instanceof InviteServerTransaction;
    const respond = (status: number) => Response.to(request, status, { toTag: this.#localTag });
    if (!this.#turn.takeForPeer()) {
      if (this.#turn.holder === 'ours') transaction.respond(respond(491));
      else transaction.respond(respond(500).add('Retry-After', String(Math.floor(this.#core.chance.fraction() * 11))));
      return undefined;
    }
    if (isInvite) transaction.respond(respond(100));
    let isDecided = false;
    const decide = (): boolean => {
      if (isDecided) return false;
      isDecided = true;
      deadline.cancel();
      this.#open = undefined;
      if (isInvite) this.#core.cancellable.delete(transaction);
      return true;
    };
    const refuse = (status: number) => {
      if (!decide()) return;
      transaction.respond(respond(status));
      this.#turn.release();
    };
    const deadline: Timer = this.#core.clock.after(DECIDE_WITHIN_MS, () => refuse(500));
    this.#open = { refuse };
    if (isInvite) this.#core.cancellable.set(transaction, () => refuse(487));
    const offer = request.sdp;
    const answer = (sdp: string) => {
      if (!decide()) return;
      const response = respond(200);
      complete(response, sdp);
      response.setBody('application/sdp', sdp);
      transaction.respond(response);
      if (!isInvite) return this.#turn.release();
      this.#awaitsLateAnswer = offer === undefined;
      this.#repeat = new Repeat2xx(
        this.#core.clock,
        this.#core.layer.timing,
        () => transaction.respond(response),
        () => {
          this.#turn.release();
          onNoAck();
        },
      );
    };
    return { offer, answer, refuse };
  }

  /** Takes the ACK of a re-INVITE; returns the answer it carries to an offer of ours, if it does. */
  receiveAck(ack: Request): string | undefined {
    if (!this.#repeat?.isWaiting) return undefined;
    this.#repeat.stop();
    this.#turn.release();
    const isLateAnswer = this.#awaitsLateAnswer;
    this.#awaitsLateAnswer = false;
    return isLateAnswer ? ack.sdp : undefined;
  }

  /** The dialog is over: what is open is refused, nothing is repeated. */
  stop(): void {
    this.#open?.refuse(487);
    this.#repeat?.stop();
  }
}
