import type { Timer } from '#kernel/clock.ts';
import type { Dialog } from '../dialog/dialog.ts';
import type { DialogUser, Replaceable } from '../dialog/dialog-table.ts';
import { type Request, Response } from '../message/message.ts';
import type { ServerTransaction } from '../transaction/transaction-layer.ts';
import type { Flow } from '../transport/flow.ts';
import { ALLOW, type Credentials, type SessionCore } from './core.ts';
import { CountedEmitter } from './counted-emitter.ts';
import type { DialogEnding, InviteDialog, InviteDialogEvents } from './invite-dialog.ts';
import { type KeptDialog, keepDialog } from './kept-dialog.ts';
import { OfferTurn } from './offer-turn.ts';
import { formatReason, readReason } from './reason.ts';
import { readRefer, readReferProgress } from './refer.ts';
import { sendReinvite } from './reinvite-out.ts';
import { ReofferIn } from './reoffer-in.ts';
import { Repeat2xx } from './repeat-2xx.ts';
import { type RequestOutcome, sendRequest } from './send-request.ts';
import {
  type SessionTerms,
  SessionTimer,
  acceptTerms,
  formatTerms,
  minSeOf,
  readTerms,
  refuseShortInterval,
} from './session-timer.ts';

interface InviteSessionOptions {
  core: SessionCore;
  dialog: Dialog;
  /** The user part of our Contact. */
  localUser: string;
  /** The caller owns the Call-ID, which decides who waits longer after a collision. */
  isCaller: boolean;
  credentials?: Credentials;
  terms?: SessionTerms;
  peerAllowsUpdate: boolean;
  /** What we last said of ourselves, sent again to refresh a session whose peer has no UPDATE. */
  localSdp: string;
}

/** A peer whose WebSocket or connection is gone may come back over a new one; after this it is taken as gone. */
const FLOW_GRACE_MS = 5000;

/** An answered call: the dialog, its session and all that may happen in it. */
export class InviteSession extends CountedEmitter<InviteDialogEvents> implements InviteDialog, DialogUser {
  readonly #core: SessionCore;
  readonly #dialog: Dialog;
  readonly #contactUser: string;
  readonly #isCaller: boolean;
  readonly #credentials: Credentials | undefined;
  readonly #peerAllowsUpdate: boolean;
  readonly #turn = new OfferTurn();
  readonly #reofferIn: ReofferIn;
  readonly #timer: SessionTimer;
  /** Made only while a re-INVITE of ours needs to hear of the end; most calls have none. */
  #over: AbortController | undefined;
  #terms: SessionTerms | undefined;
  #localSdp: string;
  /** The least interval the peer takes, once it has refused ours. */
  #minSeS: number | undefined;
  #awaitedAck: Repeat2xx | undefined;
  #awaitsLateAnswer = false;
  #byeAfterAck: (() => void) | undefined;
  #isEnded = false;
  #hasReferred = false;
  #stopWatchingFlow: () => void = () => {};
  #grace: Timer | undefined;

  constructor(options: InviteSessionOptions) {
    super();
    const { core, dialog } = options;
    this.#core = core;
    this.#dialog = dialog;
    this.#contactUser = options.localUser;
    this.#isCaller = options.isCaller;
    this.#credentials = options.credentials;
    this.#terms = options.terms;
    this.#localSdp = options.localSdp;
    this.#peerAllowsUpdate = options.peerAllowsUpdate;
    this.#reofferIn = new ReofferIn(core, this.#turn, dialog.localTag);
    this.#timer = new SessionTimer(
      core.clock,
      () => void this.#refreshSession(),
      () => void this.#endWithBye({ by: 'timeout', reason: 'session-expired' }),
    );
    this.#timer.restart(this.#terms, options.isCaller ? 'uac' : 'uas');
    core.dialogs.add(dialog.id, this);
    this.#watchFlow();
  }

  get id(): string {
    return this.#dialog.id;
  }
  get callId(): string {
    return this.#dialog.callId;
  }
  get localTag(): string {
    return this.#dialog.localTag;
  }
  get remoteTag(): string {
    return this.#dialog.remoteTag;
  }
  get remoteTarget(): string {
    return this.#dialog.remoteTarget;
  }
  get isEnded(): boolean {
    return this.#isEnded;
  }

  kept(): KeptDialog | undefined {
    const dialog = keepDialog(this.#dialog);
    return (
      dialog && {
        ...dialog,
        contactUser: this.#contactUser,
        isCaller: this.#isCaller,
        peerAllowsUpdate: this.#peerAllowsUpdate,
        ...(this.#terms ? { terms: this.#terms } : {}),
        isSecured: /^m=audio \d+ RTP\/SAVP/m.test(this.#localSdp),
      }
    );
  }

  /** The UAS's wait for the ACK of its 2xx, which it sends again until then. */
  awaitAck(resend: () => void, options: { isOfferOurs: boolean }): void {
    this.#awaitsLateAnswer = options.isOfferOurs;
    this.#awaitedAck = new Repeat2xx(this.#core.clock, this.#core.layer.timing, resend, () => {
      void this.#endWithBye({ by: 'no-ack', reason: 'no-ack' });
    });
  }

  async reinvite(offer: string): ReturnType<InviteDialog['reinvite']> {
    const outcome = await this.#reinviteOnce(offer);
    // The peer wants longer intervals: the same offer again with them (RFC 4028 §7.3).
    const isLengthened = outcome.kind === 'refused' && this.#lengthen(outcome.response);
    const last = isLengthened ? await this.#reinviteOnce(offer) : outcome;
    return last.kind === 'refused' ? { kind: 'refused', status: last.status } : last;
  }

  async #reinviteOnce(
    offer: string,
  ): Promise<{ kind: 'answered'; answer: string } | { kind: 'refused'; status: number; response?: Response }> {
    if (this.#isEnded) return { kind: 'refused', status: 481 };
    const outcome = await sendReinvite(this.#core, this.#dialog, this.#turn, {
      ownsCallId: this.#isCaller,
      credentials: this.#credentials,
      signal: (this.#over ??= new AbortController()).signal,
      complete: (request) => this.#complete(request).setBody('application/sdp', offer),
    });
    if (outcome.kind === 'answered') {
      this.#localSdp = offer;
      this.#sessionRefreshed(readTerms(outcome.response, 'uac'), 'uac');
      return { kind: 'answered', answer: outcome.response.sdp ?? '' };
    }
    this.#endIfGone(outcome.status);
    return outcome;
  }

  async bye(reason?: { cause: string; q850?: number }): Promise<void> {
    if (this.#isEnded) return;
    await this.#endWithBye({ by: 'local', reason: reason?.cause, q850: reason?.q850 });
  }

  replaceable(): Replaceable {
    return { kind: 'talking', end: (cause) => void this.bye({ cause }) };
  }

  close(): Promise<void> {
    // There is no time to wait for an ACK.
    this.#awaitedAck?.stop();
    return this.bye({ cause: 'server-stopping' });
  }

  async info(contentType: string, body: string): Promise<number> {
    return statusOf(await this.#send('INFO', (request) => request.setBody(contentType, body)));
  }

  async refer(target: string, options: { replaces?: InviteDialog; referredBy?: string } = {}): Promise<number> {
    const { replaces, referredBy } = options;
    // Replaces names the dialog as its other end sees it, hence the tags' order (RFC 3891 §3, RFC 5589 §7).
    const query = replaces
      ? `?Replaces=${encodeURIComponent(`${replaces.callId};to-tag=${replaces.remoteTag};from-tag=${replaces.localTag}`)}`
      : '';
    this.#hasReferred = true;
    const outcome = await this.#send('REFER', (request) => {
      request.add('Refer-To', `<${target}${query}>`);
      if (referredBy !== undefined) request.add('Referred-By', `<${referredBy}>`);
    });
    return statusOf(outcome);
  }

  onAck(ack: Request): void {
    if (this.#awaitedAck?.isWaiting) {
      this.#awaitedAck.stop();
      const sdp = this.#awaitsLateAnswer ? ack.sdp : undefined;
      if (sdp !== undefined && !this.#isEnded) this.emit('late-answer', sdp);
      this.#byeAfterAck?.();
      return;
    }
    const answer = this.#reofferIn.receiveAck(ack);
    if (answer !== undefined) this.emit('late-answer', answer);
  }

  onRequest(request: Request, transaction: ServerTransaction, flow: Flow): void {
    const respond = (status: number) => transaction.respond(this.#response(request, status));
    if (!this.#dialog.takeCSeq(request))
      return transaction.respond(Response.to(request, 500, { reason: 'Request Out Of Order' }));
    this.#dialog.refreshFlow(request, flow);
    this.#watchFlow();
    if (this.#isEnded && request.method !== 'NOTIFY') return respond(481);
    switch (request.method) {
      case 'BYE': {
        respond(200);
        const reason = readReason(request);
        return this.#end({ by: 'remote', reason: reason?.cause, q850: reason?.q850 });
      }
      case 'INVITE':
        return this.#receiveReoffer(request, transaction);
      case 'UPDATE':
        if (request.sdp !== undefined) return this.#receiveReoffer(request, transaction);
        return this.#receiveRefresh(request, transaction);
      case 'INFO':
        // RFC 6086 has 469 for unknown packages; plain INFO, as phones send digits, is always taken.
        respond(200);
        return this.emit('info', { contentType: request.contentType ?? '', body: request.bodyText });
      case 'REFER':
        return this.#receiveRefer(request, transaction);
      case 'NOTIFY': {
        const progress = readReferProgress(request);
        respond(progress ? 200 : 489);
        if (progress) this.emit('refer-progress', progress);
        return;
      }
      case 'OPTIONS':
        return transaction.respond(this.#response(request, 200).add('Accept', 'application/sdp'));
      case 'PRACK':
        return respond(481);
      default:
        return respond(405);
    }
  }

  #receiveReoffer(request: Request, transaction: ServerTransaction): void {
    const tooShort = refuseShortInterval(request, this.#dialog.localTag);
    if (tooShort) return transaction.respond(tooShort);
    const complete = (response: Response, sdp: string) => {
      this.#localSdp = sdp;
      this.#dialog.refreshTarget(request);
      response.add('Contact', this.#contact()).add('Allow', ALLOW).add('Supported', 'timer, replaces');
      this.#sessionRefreshed(acceptTerms(request, response), 'uas');
    };
    const reoffer = this.#reofferIn.receive(request, transaction, complete, () => {
      void this.#endWithBye({ by: 'no-ack', reason: 'no-ack' });
    });
    if (!reoffer) return;
    if (this.isHeard('reoffer')) this.emit('reoffer', reoffer);
    else reoffer.refuse(488);
  }

  /** An UPDATE without an offer only says that the peer lives, or where it is now. */
  #receiveRefresh(request: Request, transaction: ServerTransaction): void {
    const tooShort = refuseShortInterval(request, this.#dialog.localTag);
    if (tooShort) return transaction.respond(tooShort);
    this.#dialog.refreshTarget(request);
    const response = this.#response(request, 200);
    this.#sessionRefreshed(acceptTerms(request, response), 'uas');
    transaction.respond(response);
  }

  #receiveRefer(request: Request, transaction: ServerTransaction): void {
    const refer = readRefer(request, transaction, this.#dialog.localTag, this.#contact(), (fragment, state, event) => {
      void this.#send('NOTIFY', (notify) =>
        notify.add('Event', event).add('Subscription-State', state).setBody('message/sipfrag;version=2.0', fragment),
      );
    });
    if (this.isHeard('refer')) this.emit('refer', refer);
    else refer.refuse(603);
  }

  #sessionRefreshed(terms: SessionTerms | undefined, weAre: 'uac' | 'uas'): void {
    this.#terms = terms;
    this.#timer.restart(terms, weAre);
  }

  /** Our sign of life: an UPDATE, or the last SDP again for a peer without UPDATE (RFC 4028 §7.4). */
  async #refreshSession(): Promise<void> {
    if (this.#isEnded) return;
    if (!this.#peerAllowsUpdate) {
      const outcome = await this.reinvite(this.#localSdp);
      if (outcome.kind === 'refused') this.#refreshRefused(outcome.status);
      return;
    }
    const outcome = await this.#send('UPDATE', (request) => this.#addTerms(request));
    const status = statusOf(outcome);
    if (outcome.kind === 'answered' && status < 300)
      return this.#sessionRefreshed(readTerms(outcome.response, 'uac'), 'uac');
    if (outcome.kind === 'answered' && this.#lengthen(outcome.response)) return this.#refreshSession();
    this.#endIfGone(status);
    this.#refreshRefused(status);
  }

  /** A refusal that does not end the dialog leaves the session to lapse, unless the next try is taken. */
  #refreshRefused(status: number): void {
    if (this.#isEnded || !this.#terms || status === 408 || status === 481) return;
    this.#timer.again(this.#terms);
  }

  /** Takes the longer interval that a 422 asks for; false when there is none, or it is no longer than ours. */
  #lengthen(response: Response | undefined): boolean {
    const minSeS = response && minSeOf(response);
    if (minSeS === undefined || !this.#terms || minSeS <= this.#terms.intervalS) return false;
    this.#minSeS = minSeS;
    this.#terms = { ...this.#terms, intervalS: minSeS };
    return true;
  }

  /** No answer and "no such dialog" end the dialog; any other refusal ends only the request (RFC 3261 §12.2.1.2). */
  #endIfGone(status: number): void {
    if (status === 481) this.#end({ by: 'remote', status });
    if (status === 408) void this.#endWithBye({ by: 'timeout', status });
  }

  #send(method: string, complete: (request: Request) => void): Promise<RequestOutcome> {
    const build = () => {
      const request = this.#complete(this.#dialog.request(method));
      complete(request);
      return request;
    };
    return sendRequest(this.#core, this.#core.flowFor(this.#dialog), build, this.#credentials);
  }

  /** What all our requests in the dialog carry. */
  #complete(request: Request): Request {
    request.add('User-Agent', this.#core.productName);
    if (request.method === 'BYE') return request;
    request.add('Contact', this.#contact());
    if (request.method === 'INVITE') this.#addTerms(request.add('Allow', ALLOW));
    return request;
  }

  #addTerms(request: Request): Request {
    request.add('Supported', 'timer, replaces');
    if (this.#minSeS !== undefined) request.add('Min-SE', String(this.#minSeS));
    if (this.#terms)
      request.add('Session-Expires', formatTerms({ intervalS: this.#terms.intervalS, refresher: 'uac' }));
    return request;
  }

  #response(request: Request, status: number): Response {
    const response = Response.to(request, status);
    if (status === 405 || request.method === 'OPTIONS') response.add('Allow', ALLOW);
    if (status < 300 && request.method === 'UPDATE') response.add('Contact', this.#contact());
    return response;
  }

  #contact(): string {
    return this.#core.contact(this.#contactUser, this.#core.flowFor(this.#dialog) ?? { transport: 'udp' });
  }

  async #endWithBye(ending: DialogEnding): Promise<void> {
    if (this.#isEnded) return;
    const awaitedAck = this.#awaitedAck;
    this.#end(ending, { isAckStillAwaited: true });
    // The callee may not send BYE before the ACK has come or been given up (RFC 3261 §15).
    if (awaitedAck?.isWaiting)
      await new Promise<void>((resolve) => {
        this.#byeAfterAck = resolve;
        this.#core.later(64 * this.#core.layer.timing.t1, resolve);
      });
    await this.#send('BYE', (bye) => {
      if (ending.reason !== undefined) bye.add('Reason', formatReason({ cause: ending.reason, q850: ending.q850 }));
    });
  }

  #end(ending: DialogEnding, options: { isAckStillAwaited?: boolean } = {}): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#core.dialogs.noteEnded(this.#dialog.id);
    if (!options.isAckStillAwaited) this.#awaitedAck?.stop();
    this.#reofferIn.stop();
    this.#timer.stop();
    this.#grace?.cancel();
    this.#stopWatchingFlow();
    this.#over?.abort();
    // Found a little longer only by those who have something more to say: an ACK, or a NOTIFY about our REFER.
    const forget = () => this.#core.dialogs.remove(this.#dialog.id);
    if (this.#awaitedAck?.isWaiting || this.#hasReferred) this.#core.later(64 * this.#core.layer.timing.t1, forget);
    else forget();
    this.emit('ended', ending);
  }

  #watchFlow(): void {
    this.#stopWatchingFlow();
    this.#grace?.cancel();
    if (this.#isEnded) return;
    this.#stopWatchingFlow =
      this.#dialog.flow?.onClosed(() => {
        // A TCP peer can be called again at its Contact; a browser cannot.
        if (this.#dialog.flow?.transport !== 'ws') return;
        this.#grace = this.#core.clock.after(FLOW_GRACE_MS, () =>
          this.#end({ by: 'transport', reason: 'connection lost' }),
        );
      }) ?? (() => {});
  }
}

/** Whether the peer says that it knows UPDATE (RFC 3311 §4). */
export const allowsUpdate = (peer: Request | Response): boolean => peer.tags('Allow').includes('UPDATE');

const statusOf = (outcome: RequestOutcome): number =>
  outcome.kind === 'answered' ? outcome.response.status : outcome.kind === 'unanswered' ? 408 : 503;
