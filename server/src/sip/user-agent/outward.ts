import { type Binding } from '../registrar/binding.ts';
import type { Registrar } from '../registrar/registrar.ts';
import { hopOfText } from '../dialog/hop.ts';
import { Request } from '../message/message.ts';
import { formatNameAddr, parseNameAddr } from '../message/name-addr.ts';
import { escapeUser, formatUri, parseUri } from '../message/uri.ts';
import type { SessionCore } from '../session/core.ts';
import { type KeptDialog, dialogOf } from '../session/kept-dialog.ts';
import { type KeptOutgoing, inviteOf } from '../session/kept-invite.ts';
import { InviteSession } from '../session/invite-session.ts';
import { FailoverInvite } from '../session/failover-invite.ts';
import type { InviteDialog } from '../session/invite-dialog.ts';
import { OutgoingCall, type OutgoingInvite } from '../session/outgoing-invite.ts';
import { sendAlong } from '../session/send-request.ts';
import type { Flow } from '../transport/flow.ts';
import { systemResolver } from '../transport/resolver.ts';
import type { SipTransport } from '../transport/sip-transport.ts';
import type { InviteOptions, UserAgentOptions } from './face.ts';
import { NatKeepAlive } from './nat-keep-alive.ts';
import { type PingOutcome, pingOver } from './ping.ts';
import { type RegisterOptions, ClientRegistration, type Registration } from './registration.ts';
import type { MessageOptions, MessageOutcome } from './text-message.ts';
import { Ways } from './ways.ts';

/** Within the transaction's first retransmission: one datagram keeps a NAT open as well as two. */
const KEEP_ALIVE_ANSWER_MS = 450;

/** What we ask of others outside dialogs: calls, texts, registrations, whether they live. Finds the way to each. */
export class Outward {
  readonly #core: SessionCore;
  readonly #options: UserAgentOptions;
  readonly #transport: SipTransport;
  readonly #registrar: Registrar;
  readonly #ways: Ways;
  readonly #keepAlive: NatKeepAlive;
  readonly #registrations = new Set<Registration>();
  readonly #calls = new Set<OutgoingInvite>();

  constructor(parts: { core: SessionCore; options: UserAgentOptions; transport: SipTransport; registrar: Registrar }) {
    const { core, options, transport, registrar } = parts;
    this.#core = core;
    this.#options = options;
    this.#transport = transport;
    this.#registrar = registrar;
    const { clock, chance } = core;
    // A transport of a test has names of its own.
    const resolver = options.resolver ?? (options.transport ? undefined : systemResolver());
    this.#ways = new Ways({ transport, resolver, clock, chance, canTls: options.tls !== undefined });
    this.#keepAlive = new NatKeepAlive({
      clock,
      bindings: () => registrar.behindNat(),
      ask: (binding) => this.#keepOpen(binding),
    });
  }

  invite(options: InviteOptions): OutgoingInvite {
    const { target, from, signal } = options;
    const requestUri = typeof target === 'string' ? target : target.contact;
    const callId = this.#options.chance.token(12);
    const local = this.#localParty(from);
    const start = (flow: Flow) => {
      const placed = this.#placed(options, requestUri, callId, local, flow);
      placed.start();
      return placed;
    };
    const ways = this.#waysTo(target);
    const avoid = (flow: Flow) => this.#ways.avoid(flow);
    const call =
      Array.isArray(ways) && ways.length < 2
        ? start(ways[0] ?? NOWHERE)
        : new FailoverInvite({ callId, ways: Promise.resolve(ways), clock: this.#options.clock, start, avoid });
    const onAbort = () => call.cancel(typeof signal?.reason === 'string' ? signal.reason : undefined);
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
    this.#calls.add(call);
    void call.outcome.then(() => {
      this.#calls.delete(call);
      signal?.removeEventListener('abort', onAbort);
    });
    return call;
  }

  #placed(options: InviteOptions, requestUri: string, callId: string, local: string, flow: Flow): OutgoingCall {
    const { target, from } = options;
    return new OutgoingCall({
      core: this.#core,
      flow,
      requestUri,
      from: local,
      to: `<${this.#toUri(options.to ?? requestUri)}>`,
      localUser: from.user,
      callId,
      offer: options.offer,
      headers: {
        ...this.#routeHeader(target),
        ...options.headers,
        ...(options.replaces !== undefined && { Replaces: options.replaces }),
      },
      maxForwards: options.maxForwards,
      credentials: options.credentials,
      isFlowBound: typeof target !== 'string' && target.isFlowBound,
    });
  }

  takeUp(kept: KeptDialog, { credentials }: { credentials?: InviteOptions['credentials'] } = {}): InviteDialog {
    return new InviteSession({
      core: this.#core,
      dialog: dialogOf(kept, (hop) => this.#transport.flowTo(hop)),
      localUser: kept.contactUser,
      isCaller: kept.isCaller,
      credentials,
      terms: kept.terms,
      peerAllowsUpdate: kept.peerAllowsUpdate,
      // Until the re-INVITE that tells the peer where our media is now.
      localSdp: '',
    });
  }

  takeUpRinging(kept: KeptOutgoing): OutgoingInvite {
    const invite = inviteOf(kept);
    const call = new OutgoingCall({
      core: this.#core,
      flow: this.#transport.flowTo({ transport: 'udp', ...kept.peer }) ?? NOWHERE,
      requestUri: invite.requestUri,
      from: invite.get('From')!,
      to: invite.get('To')!,
      localUser: kept.localUser,
      callId: invite.callId,
      offer: invite.sdp ?? '',
      isFlowBound: kept.isFlowBound,
    });
    call.takeUp(invite);
    this.#calls.add(call);
    void call.outcome.then(() => this.#calls.delete(call));
    return call;
  }

  async message(options: MessageOptions): Promise<MessageOutcome> {
    const { target, from, contentType = 'text/plain', body, credentials } = options;
    const { chance } = this.#options;
    const requestUri = typeof target === 'string' ? target : target.contact;
    const ways = await this.#waysTo(target);
    const callId = chance.token(12);
    const local = this.#localParty(from);
    let cseq = 0;
    const route = this.#routeHeader(target).Route;
    const build = () =>
      withRoute(new Request('MESSAGE', requestUri), route)
        .add('Max-Forwards', '70')
        .add('From', local)
        .add('To', `<${requestUri}>`)
        .add('Call-ID', callId)
        .add('CSeq', `${(cseq += 1)} MESSAGE`)
        .add('User-Agent', this.#core.productName)
        .setBody(contentType, body);
    const outcome = await sendAlong(this.#core, ways, build, credentials, (flow) => this.#ways.avoid(flow));
    return outcome.kind === 'answered' ? { kind: 'answered', status: outcome.response.status } : outcome;
  }

  async ping(target: string, timeoutMs: number): Promise<PingOutcome> {
    const { outboundProxy } = this.#options;
    const uri = outboundProxy ?? target;
    const ways = this.#ways.known(uri) ?? (await this.#ways.to(uri));
    const from = this.#localUri('ping');
    // Of several targets one that answers is enough, and each gets its share of the time.
    for (const flow of ways) {
      const options = { target, from, route: this.#route, timeoutMs: timeoutMs / ways.length };
      const outcome = await pingOver(this.#core, flow, options);
      if (outcome.kind === 'answered') return outcome;
      this.#ways.avoid(flow);
    }
    return { kind: 'unanswered' };
  }

  register(options: RegisterOptions): Registration {
    const uri = this.#options.outboundProxy ?? options.registrar;
    const avoid = (flow: Flow) => this.#ways.avoid(flow);
    const way = { to: () => this.#ways.to(uri), avoid, route: this.#route };
    const registration = new ClientRegistration(this.#core, way, options);
    this.#registrations.add(registration);
    registration.on('state', ({ kind }) => kind === 'ended' && this.#registrations.delete(registration));
    return registration;
  }

  /** Ends the registrations and what still rings; resolves when the registrars know. */
  close(): PromiseLike<void>[] {
    this.#keepAlive[Symbol.dispose]();
    for (const call of this.#calls) call.cancel('server-stopping');
    return [...this.#registrations].map((registration) => registration[Symbol.asyncDispose]());
  }

  #localUri(user: string): string {
    const { host, port } = this.#transport.address;
    const userInfo = user === '' ? '' : `${escapeUser(user)}@`;
    return `sip:${userInfo}${host}${port === 5060 ? '' : `:${port}`}`;
  }

  /** From as it goes on the wire, with a tag of its own. */
  #localParty({ user, displayName, host }: InviteOptions['from']): string {
    const uri = parseUri(host === undefined ? this.#localUri(user) : `sip:${escapeUser(user)}@${host}`);
    return `${formatNameAddr({ displayName, uri, params: new Map() })};tag=${this.#options.chance.token(6)}`;
  }

  #toUri(to: string): string {
    return /^(?:sips?|tel):/i.test(to) ? to : this.#localUri(to);
  }

  get #route(): string | undefined {
    const { outboundProxy } = this.#options;
    if (outboundProxy === undefined) return undefined;
    return `<${/;lr\b/i.test(outboundProxy) ? outboundProxy : `${outboundProxy};lr`}>`;
  }

  /** The proxies that a request outside a dialog is to pass: ours, or those behind which a phone has registered (RFC 3327 §5.2). */
  #routeHeader(target: string | Binding): { Route?: string } {
    const route = typeof target === 'string' ? this.#route : target.path?.join(', ');
    return route === undefined ? {} : { Route: route };
  }

  /** The ways of a request outside a dialog: the proxy's, when there is one; a binding has one of its own. */
  #waysTo(target: string | Binding): Flow[] | Promise<Flow[]> {
    if (typeof target !== 'string') return [this.#flowToBinding(target) ?? []].flat();
    const uri = this.#options.outboundProxy ?? target;
    return this.#ways.known(uri) ?? this.#ways.to(uri);
  }

  #flowToUri(uri: string): Flow | undefined {
    const hop = hopOfText(uri);
    return hop && this.#transport.flowTo(hop);
  }

  /** A flow-bound contact over its flow; after a restart, over UDP, to where it had registered from. */
  #flowToBinding(binding: Binding): Flow | undefined {
    const [nearest] = binding.path ?? [];
    if (nearest !== undefined) return this.#flowToUri(formatUri(parseNameAddr(nearest).uri));
    if (!binding.isFlowBound) return this.#flowToUri(binding.contact);
    const flow = this.#registrar.flowOf(binding);
    if (flow || binding.isWebSocket) return flow;
    const { transport, host, port } = binding.source;
    return transport === 'udp' ? this.#transport.flowTo({ transport, host, port }) : this.#flowToUri(binding.contact);
  }

  #keepOpen(binding: Binding): void {
    const flow = this.#flowToBinding(binding);
    const options = { target: binding.contact, from: this.#localUri('ping'), timeoutMs: KEEP_ALIVE_ANSWER_MS };
    if (flow) void pingOver(this.#core, flow, options);
  }
}

const withRoute = (request: Request, route: string | undefined): Request =>
  route === undefined ? request : request.add('Route', route);

/** Leads nowhere: what is sent over it comes back as a transport error. */
const NOWHERE: Flow = {
  transport: 'udp',
  isReliable: true,
  remote: { host: '', port: 0 },
  isOpen: false,
  send: (_bytes, onFailed) => queueMicrotask(() => onFailed?.('no transport leads there')),
  onClosed: () => () => {},
};
