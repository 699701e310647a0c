import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

import type { Timer } from '#kernel/clock.ts';
import { DigestServer } from '../auth/digest-server.ts';
import type { Dialog } from '../dialog/dialog.ts';
import { DialogTable } from '../dialog/dialog-table.ts';
import { BadMessage } from '../message/bad-message.ts';
import type { Request } from '../message/message.ts';
import { Response } from '../message/message.ts';
import { escapeUser } from '../message/uri.ts';
import { Registrar, addressOfRecordUser } from '../registrar/registrar.ts';
import { ALLOW, SUPPORTED, type SessionCore } from '../session/core.ts';
import { CountedEmitter } from '../session/counted-emitter.ts';
import { IncomingCall, type IncomingInvite } from '../session/incoming-invite.ts';
import type { InviteDialog } from '../session/invite-dialog.ts';
import type { KeptDialog } from '../session/kept-dialog.ts';
import type { OutgoingInvite } from '../session/outgoing-invite.ts';
import { type KeptIncoming, type KeptOutgoing, inviteOf } from '../session/kept-invite.ts';
import { InviteServerTransaction } from '../transaction/invite-server.ts';
import { type ServerTransaction, TransactionLayer } from '../transaction/transaction-layer.ts';
import type { Address, Flow } from '../transport/flow.ts';
import { StrayAnswers } from '../session/stray-answer.ts';
import { findTakeover } from '../session/takeover.ts';
import type { SipTransport } from '../transport/sip-transport.ts';
import { EventNotifier, type Notifier, type NotifierOptions, eventOf } from '../subscription/notifier.ts';
import { Admissions } from './admission.ts';
import type { RegisterOptions, Registration } from './registration.ts';
import { checkRequest } from './request-checks.ts';
import { isScanner } from './scanner-names.ts';
import { type Misdeed, type SecuritySnapshot, type ThrottledFor, Trespassers } from './trespassers.ts';
import { Outward } from './outward.ts';
import type { PingOutcome } from './ping.ts';
import { type MessageOptions, type MessageOutcome, readMessage } from './text-message.ts';
import type { InviteOptions, UserAgent, UserAgentEvents, UserAgentOptions } from './face.ts';

const PRODUCT_NAME = 'Tocsin';
const DIALOGS_LIMIT = 8000;
/** How long a closing user agent waits for the BYEs and unregistrations of what is still open. */
const GOODBYE_MS = 1000;

/** The user agent core (RFC 3261 §8): takes requests to whoever serves them, and makes new ones. */
export class Agent extends CountedEmitter<UserAgentEvents> implements UserAgent {
  readonly registrar: Registrar;
  readonly #options: UserAgentOptions;
  readonly #transport: SipTransport;
  readonly #layer: TransactionLayer;
  readonly #admissions: Admissions;
  readonly #core: SessionCore;
  readonly #strayAnswers: StrayAnswers;
  readonly #dialogs = new DialogTable();
  readonly #cancellable: SessionCore['cancellable'] = new Map();
  /** INVITEs outside dialogs, by what a forked copy of one shares with it (RFC 3261 §8.2.2.2). */
  readonly #merging = new Map<string, InviteServerTransaction>();
  /** CANCELs that came while their INVITE was being authenticated. */
  readonly #cancelledEarly = new WeakSet<InviteServerTransaction>();
  readonly #trespassers: Trespassers;
  readonly #notifiers = new Map<string, EventNotifier>();
  readonly #timers = new Set<Timer>();
  readonly #outward: Outward;
  readonly #tag: string;
  #isClosing = false;

  static async open(transport: SipTransport, options: UserAgentOptions): Promise<Agent> {
    return new Agent(transport, options, await Registrar.open({ store: options.bindings, clock: options.clock }));
  }

  private constructor(transport: SipTransport, options: UserAgentOptions, registrar: Registrar) {
    super();
    this.#transport = transport;
    this.#options = options;
    this.registrar = registrar;
    const { clock, chance, log, credentials } = options;
    this.#tag = chance.token(6);
    registrar.on('bindings-changed', (user, bindings) => this.emit('bindings-changed', user, bindings));
    this.#trespassers = new Trespassers(clock);
    const isAsked = credentials !== undefined && options.requireDigest !== false;
    const realm = options.domain ?? 'tocsin';
    this.#admissions = new Admissions({
      digest: isAsked ? new DigestServer({ realm, credentials, clock, chance }) : undefined,
      trustedSource: options.trustedSource,
      trespassers: this.#trespassers,
      clock,
      log,
      onThrottled: (source, why) => this.reportThrottled(why, source),
    });
    this.#layer = new TransactionLayer({
      transport,
      clock,
      chance,
      log,
      timing: options.timing,
      user: this.#receiver(),
    });
    this.#core = {
      layer: this.#layer,
      dialogs: this.#dialogs,
      cancellable: this.#cancellable,
      clock,
      chance,
      log,
      productName: PRODUCT_NAME,
      later: (delayMs, run) => this.#later(delayMs, run),
      contact: (user, flow) => this.#contact(user, flow),
      flowFor: (dialog) => this.#flowFor(dialog),
    };
    this.#strayAnswers = new StrayAnswers(this.#core);
    this.#outward = new Outward({ core: this.#core, options, transport, registrar });
  }

  get address(): Address {
    return this.#transport.address;
  }

  get tlsAddress(): Address | undefined {
    return this.#options.tls && this.#transport.addressFor({ transport: 'tls' });
  }

  handleWebSocketUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#transport.handleWebSocketUpgrade(request, socket, head);
  }

  invite(options: InviteOptions): OutgoingInvite {
    return this.#outward.invite(options);
  }

  takeUp(kept: KeptDialog, options: { credentials?: InviteOptions['credentials'] } = {}): InviteDialog {
    return this.#outward.takeUp(kept, options);
  }

  takeUpIncoming(kept: KeptIncoming): IncomingInvite {
    const invite = inviteOf(kept);
    const flow = this.#transport.flowTo({ transport: 'udp', ...kept.peer })!;
    return new IncomingCall(this.#core, invite, this.#layer.takeUpServer(invite, flow), flow, kept);
  }

  takeUpOutgoing(kept: KeptOutgoing): OutgoingInvite {
    return this.#outward.takeUpRinging(kept);
  }

  message(options: MessageOptions): Promise<MessageOutcome> {
    return this.#outward.message(options);
  }

  ping(target: string, timeoutMs: number): Promise<PingOutcome> {
    return this.#outward.ping(target, timeoutMs);
  }

  register(options: RegisterOptions): Registration {
    return this.#outward.register(options);
  }

  notifier(event: string, options: NotifierOptions): Notifier {
    const notifier = new EventNotifier(event, options, this.#core);
    this.#notifiers.set(event.toLowerCase(), notifier);
    return notifier;
  }

  snapshot(): object {
    return {
      ...this.#layer.snapshot(),
      ...this.registrar.snapshot(),
      dialogs: this.#dialogs.size,
      subscriptions: this.#dialogs.size - this.#callDialogs,
      wrongPasswords: this.#admissions.wrongPasswords,
      transport: this.#transport.snapshot(),
    };
  }

  security(): SecuritySnapshot {
    return this.#trespassers.snapshot();
  }

  countMisdeed(source: string, misdeed: Misdeed): void {
    this.#trespassers.count(source, misdeed);
  }

  reportGarbage(source: string): void {
    this.#trespassers.count(source, 'garbage');
  }

  releaseSource(source: string): boolean {
    const wasMalformed = this.#transport.release(source);
    const wasRefused = this.#admissions.release(source);
    return this.#trespassers.released(source) || wasMalformed || wasRefused;
  }

  /** The transport answers nothing malformed of this source any more. */
  reportGarbageThrottled(source: string, untilMs: number): void {
    this.#trespassers.throttled(source, 'garbage', untilMs);
    this.reportThrottled('garbage', source);
  }

  reportThrottled(what: ThrottledFor, source: string): void {
    this.emit('throttled', { what, source });
  }

  /** Refuses what comes, says goodbye to what is open, and closes; peers that do not answer are not waited for. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosing) return;
    this.#isClosing = true;
    const goodbyes = this.#outward.close();
    const open = this.#dialogs.close();
    if (goodbyes.length + open.length > 0) {
      const { promise: timeIsUp, resolve } = Promise.withResolvers<void>();
      const timer = this.#options.clock.after(GOODBYE_MS, resolve);
      await Promise.race([Promise.allSettled([...goodbyes, ...open]), timeIsUp]);
      timer.cancel();
    }
    for (const timer of this.#timers) timer.cancel();
    await this.#layer[Symbol.asyncDispose]();
    await this.registrar[Symbol.asyncDispose]();
    await this.#transport[Symbol.asyncDispose]();
  }

  #receiver() {
    return {
      onRequest: (request: Request, transaction: ServerTransaction, flow: Flow) =>
        this.#onRequest(request, transaction, flow),
      onAck: (ack: Request) => this.#dialogs.userOf(ack)?.onAck(ack),
      onStrayAnswer: (response: Response, flow: Flow) => {
        if (!this.#isClosing) this.#strayAnswers.take(response, flow);
      },
      answerStateless: (request: Request, flow: Flow) => this.#answerStateless(request, flow.remote.host),
    };
  }

  /**
   * The challenge of a REGISTER leaves no trace, so that a flood of them, or a thousand phones at once, costs no memory.
   * The tag is the same for every retransmission, as RFC 3261 §8.2.7 asks.
   */
  #answerStateless(request: Request, source: string): Response | 'nothing' | undefined {
    if (request.toTag === undefined && isScanner(request)) this.#trespassers.count(source, 'scans');
    if (this.#admissions.isFlood(request, source)) return 'nothing';
    if (request.method !== 'REGISTER' || !this.#admissions.mustChallenge(request)) return undefined;
    return checkRequest(request, this.#tag) ?? this.#admissions.challenge(request, this.#tag);
  }

  #onRequest(request: Request, transaction: ServerTransaction, flow: Flow): void {
    if (request.method === 'CANCEL') return this.#onCancel(request, transaction);
    const dialogUser = request.toTag === undefined ? undefined : this.#dialogs.userOf(request);
    if (dialogUser) return dialogUser.onRequest(request, transaction, flow);
    const refusal = checkRequest(request, this.#tag);
    if (refusal) return transaction.respond(refusal);
    if (this.#isClosing) return transaction.respond(Response.to(request, 503, { toTag: this.#tag }));
    if (transaction instanceof InviteServerTransaction) return this.#onInvite(request, transaction, flow);
    if (request.method === 'REGISTER') return void this.#onRegister(request, transaction, flow);
    if (request.method === 'SUBSCRIBE') return void this.#onSubscribe(request, transaction, flow);
    if (request.method === 'MESSAGE') return void this.#onMessage(request, transaction, flow);
    transaction.respond(
      Response.to(request, 200, { toTag: this.#tag })
        .add('Allow', ALLOW)
        .add('Accept', 'application/sdp')
        .add('Supported', SUPPORTED.join(', '))
        .add('Server', PRODUCT_NAME),
    );
  }

  #onCancel(cancel: Request, transaction: ServerTransaction): void {
    const invite = this.#layer.inviteMeantBy(cancel);
    transaction.respond(Response.to(cancel, invite ? 200 : 481, { toTag: this.#tag }));
    if (!invite) return;
    const cancelled = this.#cancellable.get(invite);
    if (cancelled) cancelled(cancel);
    else this.#cancelledEarly.add(invite);
  }

  #onInvite(request: Request, transaction: InviteServerTransaction, flow: Flow): void {
    const mergeKey = `${request.callId}|${request.fromTag ?? ''}|${request.cseq.number}`;
    const other = this.#merging.get(mergeKey);
    // One that was refused is no loop: careless phones answer a challenge without counting CSeq on.
    if (other?.state === 'proceeding' || other?.state === 'accepted')
      return transaction.respond(Response.to(request, 482, { toTag: this.#tag }));
    this.#merging.set(mergeKey, transaction);
    transaction.onForgotten = () => {
      if (this.#merging.get(mergeKey) === transaction) this.#merging.delete(mergeKey);
    };
    if (this.#callDialogs >= (this.#options.limits?.dialogs ?? DIALOGS_LIMIT))
      return transaction.respond(Response.to(request, 503, { toTag: this.#tag }).add('Retry-After', '5'));
    void this.#serve(request, transaction, async () => {
      const admission = await this.#admissions.admitCall(request, flow, this.#tag);
      if (admission.kind === 'refused') return transaction.respond(admission.response);
      if (this.#cancelledEarly.has(transaction))
        return transaction.respond(Response.to(request, 487, { toTag: this.#tag }));
      const takeover = findTakeover(request, this.#dialogs);
      if (takeover?.kind === 'refused')
        return transaction.respond(Response.to(request, takeover.status, { toTag: this.#tag }));
      transaction.respond(Response.to(request, 100));
      const who = { ...admission, takesOver: takeover?.takeover };
      const call = new IncomingCall(this.#core, request, transaction, flow, who);
      if (this.isHeard('invite')) this.emit('invite', call);
      else call.refuse(480);
    });
  }

  #onSubscribe(request: Request, transaction: ServerTransaction, flow: Flow): Promise<void> {
    return this.#serve(request, transaction, async () => {
      const admission = await this.#admissions.admitCall(request, flow, this.#tag);
      if (admission.kind === 'refused') return transaction.respond(admission.response);
      const notifier = this.#notifiers.get(eventOf(request) ?? '');
      if (notifier) return notifier.subscribe(request, transaction, flow, admission.account);
      const refusal = Response.to(request, 489, { toTag: this.#tag });
      const offered = [...this.#notifiers.keys()].join(', ');
      transaction.respond(offered === '' ? refusal : refusal.add('Allow-Events', offered));
    });
  }

  #onMessage(request: Request, transaction: ServerTransaction, flow: Flow): Promise<void> {
    return this.#serve(request, transaction, async () => {
      if (!this.isHeard('message'))
        return transaction.respond(Response.to(request, 405, { toTag: this.#tag }).add('Allow', ALLOW));
      const admission = await this.#admissions.admitCall(request, flow, this.#tag);
      if (admission.kind === 'refused') return transaction.respond(admission.response);
      this.emit('message', readMessage(this.#core, request, transaction, admission));
    });
  }

  /** Subscriptions have bounds of their own. */
  get #callDialogs(): number {
    let count = this.#dialogs.size;
    for (const notifier of this.#notifiers.values()) count -= notifier.snapshot().subscriptions;
    return count;
  }

  #onRegister(request: Request, transaction: ServerTransaction, flow: Flow): Promise<void> {
    return this.#serve(request, transaction, async () => {
      const admission = await this.#admissions.admitAccount(request, flow, this.#tag);
      if (admission.kind === 'refused') return transaction.respond(admission.response);
      const user = addressOfRecordUser(request);
      // Nobody registers for somebody else (RFC 3261 §10.3 step 4).
      if (admission.account !== undefined && admission.account !== user)
        return transaction.respond(Response.to(request, 403, { toTag: this.#tag }));
      transaction.respond(await this.registrar.register(request, user, flow, this.#tag));
    });
  }

  /** Runs what serves a request; what it throws is answered, 400 for a malformed header and 500 for a failure of ours. */
  async #serve(request: Request, transaction: ServerTransaction, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const status = error instanceof BadMessage ? error.status : 500;
      if (status === 500)
        this.#options.log.error('SIP request failed', { method: request.method, callId: request.callId, error });
      transaction.respond(Response.to(request, status, { toTag: this.#tag }));
    }
  }

  #later(delayMs: number, run: () => void): void {
    const timer = this.#options.clock.after(delayMs, () => {
      this.#timers.delete(timer);
      run();
    });
    this.#timers.add(timer);
  }

  #contact(user: string, flow: Parameters<SessionCore['contact']>[1]): string {
    const { transport } = flow;
    const { host, port } = this.#transport.addressFor(flow);
    const userInfo = user === '' ? '' : `${escapeUser(user)}@`;
    return `<sip:${userInfo}${host}:${port}${transport === 'udp' ? '' : `;transport=${transport}`}>`;
  }

  #flowFor(dialog: Dialog): Flow | undefined {
    if (dialog.flow?.isOpen || dialog.flow?.transport === 'ws') return dialog.flow;
    const hop = dialog.nextHop;
    return hop && this.#transport.flowTo(hop);
  }
}
