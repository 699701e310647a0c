import { Dialog } from '../dialog/dialog.ts';
import type { DialogUser, Replaceable, Takeover } from '../dialog/dialog-table.ts';
import { type Request, Response } from '../message/message.ts';
import type { NameAddr } from '../message/name-addr.ts';
import { userOf } from '../message/uri.ts';
import type { InviteServerTransaction } from '../transaction/invite-server.ts';
import type { ServerTransaction } from '../transaction/transaction-layer.ts';
import { type Address, type Flow, type TransportKind } from '../transport/flow.ts';
import { ALLOW, type SessionCore } from './core.ts';
import type { InviteDialog } from './invite-dialog.ts';
import { InviteSession, allowsUpdate } from './invite-session.ts';
import { type KeptIncoming, keepInvite } from './kept-invite.ts';
import { formatReason, readReason } from './reason.ts';
import { ReliableProvisionals } from './reliable-provisionals.ts';
import { acceptTerms } from './session-timer.ts';

/** One end of a call as its From or To names it. */
export interface Party {
  user: string;
  host: string;
  displayName?: string;
}

/** A call that comes in and waits for our answer. */
export interface IncomingInvite {
  readonly callId: string;
  readonly from: Party;
  readonly to: Party;
  readonly requestUri: string;
  /** The user part of the Request-URI: the number dialled. */
  readonly dialled: string;
  /** Who called, proven by digest. */
  readonly account?: string;
  /** The trunk it came by, taken without digest. */
  readonly trunk?: string;
  readonly offer?: string;
  readonly isWebSocket: boolean;
  readonly source: Address & { transport: TransportKind };
  /** For the call that this one leads to, less one, so that calls cannot go in circles. */
  readonly maxForwards: number;
  /** The dialog that this call is to take over: `call-id;to-tag=…;from-tag=…` (RFC 3891). */
  readonly replaces?: string;
  /** The same, found: to be ended by whoever answers this call (RFC 3891 §3). `parseReplaces` tells which dialog it is. */
  readonly takesOver?: Takeover;
  readonly request: Request;
  /** 180, or 183 with an answer for early media. Reliable when the caller requires that (RFC 3262). */
  ring(options?: { answer?: string }): void;
  /**
   * Sends the 200 and resolves with the dialog at once, or after the PRACK of a reliable 183 with an answer. A missing ACK
   * ends the dialog by 'no-ack'. Rejects when the call was cancelled or refused before: look at `cancelled` first.
   */
  answer(sdp: string): Promise<InviteDialog>;
  /** Refuses with a final status of 300 to 699. Does nothing when the call is over already. */
  refuse(status: number, reason?: string, q850?: number): void;
  /** Aborted when the caller gave up: a CANCEL, a connection that ended, no PRACK. Its reason is a string. */
  readonly cancelled: AbortSignal;
  /** What the next process needs to answer this call; undefined when it cannot, or the call is over. */
  kept(): KeptIncoming | undefined;
}

export class IncomingCall implements IncomingInvite, DialogUser {
  readonly request: Request;
  readonly account?: string;
  readonly trunk?: string;
  readonly takesOver?: Takeover;
  readonly source: Address & { transport: TransportKind };
  readonly maxForwards: number;
  readonly #core: SessionCore;
  readonly #transaction: InviteServerTransaction;
  readonly #flow: Flow;
  readonly #toTag: string;
  readonly #dialog: Dialog;
  readonly #gone = new AbortController();
  readonly #provisionals: ReliableProvisionals | undefined;
  readonly #stopWatchingFlow: () => void;
  #earlyAnswer: string | undefined;
  #isOver = false;

  constructor(
    core: SessionCore,
    request: Request,
    transaction: InviteServerTransaction,
    flow: Flow,
    who: { account?: string; trunk?: string; takesOver?: Takeover; toTag?: string },
  ) {
    this.#core = core;
    this.request = request;
    this.#transaction = transaction;
    this.#flow = flow;
    this.account = who.account;
    this.trunk = who.trunk;
    this.takesOver = who.takesOver;
    this.source = { transport: flow.transport, ...flow.remote };
    this.maxForwards = (request.maxForwards ?? 70) - 1;
    this.#toTag = who.toTag ?? core.chance.token(6);
    this.#dialog = Dialog.asUas(request, this.#toTag, flow);
    if (request.tags('Require').includes('100rel'))
      this.#provisionals = new ReliableProvisionals(core.clock, core.layer.timing, core.chance, () => {
        this.refuse(504);
        this.#giveUp('no PRACK');
      });
    core.dialogs.add(this.#dialog.id, this);
    core.cancellable.set(transaction, (cancel) => this.#cancelledBy(cancel));
    transaction.user = { onTransportError: (why) => this.#gaveUp(why) };
    this.#stopWatchingFlow = flow.onClosed(() => this.#gaveUp('connection lost'));
  }

  get callId(): string {
    return this.request.callId;
  }
  get from(): Party {
    return partyOf(this.request.from);
  }
  get to(): Party {
    return partyOf(this.request.to);
  }
  get requestUri(): string {
    return this.request.requestUri;
  }
  get dialled(): string {
    return userOf(this.request.uri);
  }
  get offer(): string | undefined {
    return this.request.sdp;
  }
  get isWebSocket(): boolean {
    return this.#flow.transport === 'ws';
  }
  get replaces(): string | undefined {
    return this.request.get('Replaces');
  }
  get cancelled(): AbortSignal {
    return this.#gone.signal;
  }

  kept(): KeptIncoming | undefined {
    // A reliable provisional response has numbers of its own, which nobody keeps.
    if (this.#isOver || this.#provisionals) return undefined;
    const invite = keepInvite(this.request, this.#flow);
    const { account, trunk } = this;
    return invite && { ...invite, toTag: this.#toTag, ...(account ? { account } : {}), ...(trunk ? { trunk } : {}) };
  }

  ring(options: { answer?: string } = {}): void {
    if (this.#isOver) return;
    const response = this.#response(options.answer === undefined ? 180 : 183).add('Contact', this.#contact());
    this.#copyRecordRoute(response);
    if (options.answer !== undefined) {
      this.#earlyAnswer = options.answer;
      response.setBody('application/sdp', options.answer);
    }
    if (this.#provisionals) this.#provisionals.send(response, (bytes) => this.#transaction.respond(bytes));
    else this.#transaction.respond(response);
  }

  async answer(sdp: string): Promise<InviteDialog> {
    // A reliable answer must be acknowledged before the final response (RFC 3262 §3).
    if (this.#earlyAnswer !== undefined) await this.#provisionals?.acknowledged();
    if (this.#isOver) throw new Error('the call was over before it was answered');
    this.#close();
    const response = this.#response(200).add('Contact', this.#contact());
    this.#copyRecordRoute(response);
    response.add('Allow', ALLOW).add('Supported', 'timer, replaces');
    const terms = acceptTerms(this.request, response);
    response.setBody('application/sdp', sdp);
    const session = new InviteSession({
      core: this.#core,
      dialog: this.#dialog,
      localUser: this.dialled,
      isCaller: false,
      terms,
      peerAllowsUpdate: allowsUpdate(this.request),
      localSdp: sdp,
    });
    session.awaitAck(() => this.#transaction.respond(response), { isOfferOurs: this.offer === undefined });
    this.#transaction.respond(response);
    return session;
  }

  refuse(status: number, reason?: string, q850?: number): void {
    if (this.#isOver) return;
    this.#close();
    this.#core.dialogs.remove(this.#dialog.id);
    const response = Response.to(this.request, status, { reason, toTag: this.#toTag });
    if (q850 !== undefined) response.add('Reason', formatReason({ cause: response.reason, q850 }));
    this.#transaction.respond(response);
  }

  /** What comes in the early dialog. */
  onRequest(request: Request, transaction: ServerTransaction): void {
    const respond = (status: number) => transaction.respond(Response.to(request, status));
    if (!this.#dialog.takeCSeq(request)) return respond(500);
    if (request.method === 'PRACK') return respond(this.#provisionals?.receivePrack(request) ? 200 : 481);
    if (request.method === 'BYE') {
      respond(200);
      this.refuse(487);
      return this.#giveUp(readReason(request)?.cause ?? 'hung up');
    }
    // No offer can be open beside the INVITE's own (RFC 3311 §5.2); an UPDATE without one only refreshes the target.
    if (request.method === 'UPDATE' && request.body.length === 0) {
      this.#dialog.refreshTarget(request);
      return transaction.respond(Response.to(request, 200).add('Contact', this.#contact()));
    }
    if (request.method === 'UPDATE') return transaction.respond(Response.to(request, 500).add('Retry-After', '5'));
    respond(request.method === 'INVITE' ? 491 : 405);
  }

  /** Only the caller could be replaced, and he is not ours (RFC 3891 §3). */
  replaceable(): Replaceable {
    return { kind: 'ringing-here' };
  }

  onAck(): void {}

  async close(): Promise<void> {
    this.#gaveUp('server-stopping', 503);
  }

  #cancelledBy(cancel: Request): void {
    if (this.#isOver) return;
    this.refuse(487);
    this.#giveUp(readReason(cancel)?.cause ?? 'cancelled');
  }

  #gaveUp(why: string, status = 487): void {
    if (this.#isOver) return;
    this.refuse(status);
    this.#giveUp(why);
  }

  #giveUp(why: string): void {
    this.#gone.abort(why);
  }

  #close(): void {
    this.#isOver = true;
    this.#provisionals?.stop();
    this.#stopWatchingFlow();
    this.#core.cancellable.delete(this.#transaction);
  }

  #response(status: number): Response {
    return Response.to(this.request, status, { toTag: this.#toTag }).add('Server', this.#core.productName);
  }

  #copyRecordRoute(response: Response): void {
    for (const line of this.request.all('Record-Route')) response.add('Record-Route', line);
  }

  #contact(): string {
    return this.#core.contact(this.dialled, this.#flow);
  }
}

export function partyOf({ displayName, uri }: NameAddr): Party {
  const host = uri.scheme === 'sip' || uri.scheme === 'sips' ? uri.host : '';
  return displayName ? { user: userOf(uri), host, displayName } : { user: userOf(uri), host };
}
