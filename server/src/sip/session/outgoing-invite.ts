import { Emitter, type Listenable } from '#kernel/emitter.ts';
import { answerChallenge } from '../auth/digest-client.ts';
import { Dialog, routesOf } from '../dialog/dialog.ts';
import type { DialogUser, Replaceable } from '../dialog/dialog-table.ts';
import { BadMessage } from '../message/bad-message.ts';
import { Request, Response } from '../message/message.ts';
import { formatUri } from '../message/uri.ts';
import type { ClientUser } from '../transaction/client-user.ts';
import type { InviteClientTransaction } from '../transaction/invite-client.ts';
import { giveUpMs } from '../transaction/timing.ts';
import type { ClientTransaction, ServerTransaction } from '../transaction/transaction-layer.ts';
import type { Flow } from '../transport/flow.ts';
import { ALLOW, type Credentials, type SessionCore } from './core.ts';
import type { InviteDialog } from './invite-dialog.ts';
import { InviteSession, allowsUpdate } from './invite-session.ts';
import { type KeptOutgoing, keepInvite } from './kept-invite.ts';
import { formatReason, readReason } from './reason.ts';
import { isChallenge } from './send-request.ts';
import { SESSION_EXPIRES_S, minSeOf, readTerms } from './session-timer.ts';

export type InviteOutcome =
  | { kind: 'answered'; dialog: InviteDialog; answer: string }
  /** `redirectTo` has the contacts of a 3xx. */
  | { kind: 'refused'; status: number; reason: string; q850?: number; redirectTo?: string[] }
  /** Nothing final came: timer B, or the ringing was never answered by the peer's own count (408). */
  | { kind: 'unanswered' }
  | { kind: 'cancelled' }
  | { kind: 'unreachable'; detail: string };

/** A call that goes out. Every provisional response is told, 100 Trying too. */
export interface OutgoingInvite extends Listenable<{ provisional: [{ status: number; sdp?: string }] }> {
  readonly callId: string;
  /** Resolves once, never rejects. */
  readonly outcome: Promise<InviteOutcome>;
  /**
   * Gives up; the outcome is 'cancelled' at once, while the CANCEL runs its course. A 200 that crosses it is acknowledged
   * and hung up. Does nothing after the outcome.
   */
  cancel(reason?: string): void;
  /** The dialogs that its provisional answers have begun (RFC 3261 §12.1.2): as many as a proxy has forked it to. */
  readonly earlyDialogs: readonly { callId: string; localTag: string; remoteTag: string }[];
  /** What the next process needs to go on with this call while it rings; undefined when it cannot. */
  kept(): KeptOutgoing | undefined;
}

interface OutgoingCallOptions {
  core: SessionCore;
  flow: Flow;
  requestUri: string;
  /** From and To as they go on the wire, From with its tag. */
  from: string;
  to: string;
  localUser: string;
  callId: string;
  offer: string;
  headers?: Record<string, string>;
  maxForwards?: number;
  credentials?: Credentials;
  /** The peer is reached over `flow` alone, now and in the dialog. */
  isFlowBound: boolean;
}

/** Early dialogs of one INVITE that a forking proxy can make; those beyond are not followed. */
const EARLY_DIALOGS_LIMIT = 16;

interface EarlyDialog {
  dialog: Dialog;
  lastRSeq?: number;
  sdp?: string;
}

export class OutgoingCall
  extends Emitter<{ provisional: [{ status: number; sdp?: string }] }>
  implements OutgoingInvite
{
  readonly outcome: Promise<InviteOutcome>;
  readonly #options: OutgoingCallOptions;
  readonly #core: SessionCore;
  readonly #early = new Map<string, EarlyDialog>();
  /** 2xx already answered, by tag: a repeated one gets its ACK again. */
  readonly #acks = new Map<string, () => void>();
  #settle: (outcome: InviteOutcome) => void = () => {};
  #isSettled = false;
  #request: Request;
  #transaction: ClientTransaction | undefined;
  #isRinging = false;
  #cancelReason: string | undefined;
  #isCancelled = false;
  #retries = 0;
  #winner: string | undefined;

  constructor(options: OutgoingCallOptions) {
    super();
    this.#options = options;
    this.#core = options.core;
    this.outcome = new Promise((resolve) => (this.#settle = resolve));
    this.#request = this.#build(1);
  }

  get callId(): string {
    return this.#options.callId;
  }

  get earlyDialogs(): OutgoingInvite['earlyDialogs'] {
    return [...this.#early.values()].map(({ dialog }) => dialog);
  }

  kept(): KeptOutgoing | undefined {
    if (this.#isSettled || !this.#isRinging) return undefined;
    const invite = keepInvite(this.#request, this.#options.flow);
    const { localUser, isFlowBound } = this.#options;
    return invite && { ...invite, localUser, isFlowBound };
  }

  /** Goes on with a call that has been ringing since before this process began. */
  takeUp(invite: Request): void {
    this.#request = invite;
    this.#isRinging = true;
    this.#transaction = this.#core.layer.takeUpClient(invite, this.#options.flow, this.#user());
  }

  start(): void {
    this.#transaction = this.#core.layer.send(this.#request, this.#options.flow, this.#user());
  }

  #user(): ClientUser {
    return {
      onResponse: (response) => this.#receiveGuarded(response),
      onTimeout: () => this.#finish({ kind: 'unanswered' }),
      onTransportError: (detail) => this.#finish({ kind: 'unreachable', detail }),
    };
  }

  cancel(reason?: string): void {
    if (this.#isSettled) return;
    this.#isCancelled = true;
    this.#cancelReason = reason;
    // Before a provisional response a CANCEL could overtake its INVITE, so it waits for one (RFC 3261 §9.1).
    if (this.#isRinging) this.#sendCancel();
    this.#finish({ kind: 'cancelled' });
  }

  #build(cseq: number): Request {
    const { requestUri, from, to, callId, localUser, flow, offer, headers, maxForwards } = this.#options;
    const request = new Request('INVITE', requestUri)
      .add('Max-Forwards', String(maxForwards ?? 70))
      .add('From', from)
      .add('To', to)
      .add('Call-ID', callId)
      .add('CSeq', `${cseq} INVITE`)
      .add('Contact', this.#core.contact(localUser, flow))
      .add('Allow', ALLOW)
      .add('Supported', '100rel, timer, replaces')
      .add('Session-Expires', String(SESSION_EXPIRES_S))
      .add('User-Agent', this.#core.productName);
    for (const [name, value] of Object.entries(headers ?? {})) request.set(name, value);
    return request.setBody('application/sdp', offer);
  }

  /** A final response that cannot be followed ends the call like one that never came. */
  #receiveGuarded(response: Response): void {
    try {
      this.#receive(response);
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error;
      if (!response.isProvisional)
        this.#finish({ kind: 'unreachable', detail: `the answer is malformed: ${error.message}` });
    }
  }

  #receive(response: Response): void {
    const { status } = response;
    if (status < 200) return this.#receiveProvisional(response);
    if (status < 300) return this.#receiveAnswer(response);
    if (this.#isCancelled) return this.#dropEarly();
    if (this.#retry(response)) return;
    const q850 = readReason(response)?.q850;
    const refused = { kind: 'refused', status, reason: response.reason, q850 } as const;
    if (status < 400) {
      const redirectTo = response.contacts.flatMap((contact) => (contact === '*' ? [] : [formatUri(contact.uri)]));
      return this.#finish({ ...refused, redirectTo });
    }
    this.#finish(refused);
  }

  /** Answers a challenge, or lengthens the session's interval, once each (RFC 3261 §22.2, RFC 4028 §7.3). */
  #retry(response: Response): boolean {
    if (this.#retries === 2) return false;
    const next = this.#build(this.#request.cseq.number + 1);
    if (response.status === 422) {
      const minSe = minSeOf(response);
      if (minSe === undefined) return false;
      next.set('Session-Expires', String(minSe)).set('Min-SE', String(minSe));
    } else {
      const { credentials } = this.#options;
      const hasTried = this.#request.has('Authorization') || this.#request.has('Proxy-Authorization');
      if (!isChallenge(response) || !credentials || hasTried) return false;
      if (!answerChallenge(next, response, credentials, this.#core.chance)) return false;
    }
    this.#retries += 1;
    this.#dropEarly();
    this.#isRinging = false;
    this.#request = next;
    this.start();
    return true;
  }

  #receiveProvisional(response: Response): void {
    if (!this.#isRinging) {
      this.#isRinging = true;
      if (this.#isCancelled) return this.#sendCancel();
    }
    if (this.#isSettled) return;
    // Even 100 says that somebody is there.
    if (response.status === 100) return this.emit('provisional', { status: 100 });
    const early = this.#earlyDialog(response);
    if (early && !this.#acknowledgeReliable(response, early)) return;
    const sdp = response.sdp;
    if (early && sdp !== undefined) early.sdp = sdp;
    this.emit('provisional', sdp === undefined ? { status: response.status } : { status: response.status, sdp });
  }

  #earlyDialog(response: Response): EarlyDialog | undefined {
    const tag = response.toTag;
    if (tag === undefined) return undefined;
    let early = this.#early.get(tag);
    if (!early && this.#early.size < EARLY_DIALOGS_LIMIT) {
      early = { dialog: this.#dialogOf(response) };
      this.#early.set(tag, early);
      this.#core.dialogs.add(early.dialog.id, new EarlyDialogUser(early.dialog, this));
    }
    return early;
  }

  #dialogOf(response: Response): Dialog {
    const { flow, isFlowBound } = this.#options;
    return Dialog.asUac(this.#request, response, isFlowBound ? flow : undefined);
  }

  /** PRACKs a reliable provisional response (RFC 3262 §4); false for one out of order or repeated, which says nothing. */
  #acknowledgeReliable(response: Response, early: EarlyDialog): boolean {
    if (!response.tags('Require').includes('100rel')) return true;
    const rseq = Number(response.get('RSeq'));
    if (!Number.isInteger(rseq) || rseq < 1) return false;
    if (early.lastRSeq !== undefined && rseq !== early.lastRSeq + 1) return false;
    early.lastRSeq = rseq;
    early.dialog.refreshTarget(response);
    const prack = early.dialog.request('PRACK').add('RAck', `${rseq} ${response.get('CSeq')!}`);
    const flow = this.#core.flowFor(early.dialog);
    if (flow) this.#core.layer.send(prack, flow, NOBODY);
    return true;
  }

  #receiveAnswer(response: Response): void {
    const tag = response.toTag ?? '';
    const ackAgain = this.#acks.get(tag);
    if (ackAgain) return ackAgain();
    const early = this.#early.get(tag);
    const dialog = early?.dialog ?? this.#dialogOf(response);
    // The 2xx has the last word on route set and target (RFC 3261 §13.2.2.4).
    dialog.routeSet = routesOf(response).reverse();
    dialog.refreshTarget(response);
    const sendAck = () => {
      const flow = this.#core.flowFor(dialog) ?? this.#options.flow;
      this.#core.layer.sendAck(this.#ack(dialog), flow);
    };
    this.#acks.set(tag, sendAck);
    sendAck();
    const isLate = this.#isSettled || this.#winner !== undefined;
    this.#winner ??= tag;
    const terms = readTerms(response, 'uac');
    const session = new InviteSession({
      core: this.#core,
      dialog,
      localUser: this.#options.localUser,
      isCaller: true,
      credentials: this.#options.credentials,
      terms,
      peerAllowsUpdate: allowsUpdate(response),
      localSdp: this.#options.offer,
    });
    if (isLate) {
      // The 200 crossed our CANCEL, or a second branch of a fork answered as well.
      void session.bye({ cause: this.#isCancelled ? (this.#cancelReason ?? 'cancelled') : 'answered-elsewhere' });
      return;
    }
    this.#early.delete(tag);
    this.#dropEarly();
    this.#settleOnce({ kind: 'answered', dialog: session, answer: response.sdp ?? early?.sdp ?? '' });
  }

  #ack(dialog: Dialog): Request {
    const ack = dialog.request('ACK', this.#request.cseq.number);
    // The credentials of the INVITE go on its ACK as well (RFC 3261 §22.1).
    for (const name of ['Authorization', 'Proxy-Authorization']) {
      const value = this.#request.get(name);
      if (value !== undefined) ack.add(name, value);
    }
    return ack;
  }

  #sendCancel(): void {
    const { requestUri } = this.#request;
    const cancel = new Request('CANCEL', requestUri).add('Max-Forwards', '70');
    for (const name of ['From', 'To', 'Call-ID', 'Route'])
      for (const value of this.#request.all(name)) cancel.add(name, value);
    cancel.add('CSeq', `${this.#request.cseq.number} CANCEL`);
    const cause = this.#cancelReason;
    // Only a call that someone else took is none that the phone's owner missed.
    if (cause !== undefined)
      cancel.add('Reason', formatReason({ cause, status: cause.includes('elsewhere') ? 200 : 487 }));
    const invite = this.#transaction as InviteClientTransaction;
    this.#core.layer.sendCancel(cancel, invite, NOBODY);
    // A peer that never ends its INVITE is forgotten 64·T1 after the CANCEL (RFC 3261 §9.1).
    this.#core.later(giveUpMs(this.#core.layer.timing), () => {
      if (invite.state === 'proceeding') invite.abandon();
      this.#dropEarly();
    });
  }

  #finish(outcome: InviteOutcome): void {
    if (!this.#isCancelled) this.#dropEarly();
    this.#settleOnce(outcome);
  }

  #settleOnce(outcome: InviteOutcome): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#settle(outcome);
  }

  #dropEarly(): void {
    for (const { dialog } of this.#early.values()) this.#core.dialogs.remove(dialog.id);
    this.#early.clear();
  }
}

const NOBODY = { onResponse() {}, onTimeout() {}, onTransportError() {} };

/** Requests of the callee before it answers: an UPDATE without an offer is taken, the rest has to wait. */
class EarlyDialogUser implements DialogUser {
  readonly #dialog: Dialog;
  readonly #call: OutgoingInvite;

  constructor(dialog: Dialog, call: OutgoingInvite) {
    this.#dialog = dialog;
    this.#call = call;
  }

  replaceable(): Replaceable {
    return { kind: 'ringing', end: (cause) => this.#call.cancel(cause) };
  }

  onRequest(request: Request, transaction: ServerTransaction): void {
    const respond = (status: number) => Response.to(request, status);
    if (!this.#dialog.takeCSeq(request)) return transaction.respond(respond(500));
    if (request.method === 'UPDATE' && request.body.length === 0) {
      this.#dialog.refreshTarget(request);
      return transaction.respond(respond(200));
    }
    if (request.method === 'UPDATE') return transaction.respond(respond(500).add('Retry-After', '5'));
    transaction.respond(respond(request.method === 'INFO' ? 200 : 405));
  }

  onAck(): void {}

  async close(): Promise<void> {
    this.#call.cancel('server-stopping');
  }
}
