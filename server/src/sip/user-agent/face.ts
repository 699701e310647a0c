import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

import type { Chance } from '#kernel/chance.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Listenable } from '#kernel/emitter.ts';
import type { Log } from '#kernel/log.ts';
import type { DigestSecret } from '../auth/digest.ts';
import type { Notifier, NotifierOptions } from '../subscription/notifier.ts';
import type { Binding } from '../registrar/binding.ts';
import type { BindingStore } from '../registrar/binding-store.ts';
import type { IncomingInvite } from '../session/incoming-invite.ts';
import type { InviteDialog } from '../session/invite-dialog.ts';
import type { KeptDialog } from '../session/kept-dialog.ts';
import type { KeptIncoming, KeptOutgoing } from '../session/kept-invite.ts';
import type { OutgoingInvite } from '../session/outgoing-invite.ts';
import type { Timing } from '../transaction/timing.ts';
import type { Address } from '../transport/flow.ts';
import type { Resolver } from '../transport/resolver.ts';
import type { SipTransport } from '../transport/sip-transport.ts';
import type { TlsOptions } from '../transport/tcp.ts';
import type { SourceOf } from './admission.ts';
import type { Misdeed, SecuritySnapshot, ThrottledFor } from './trespassers.ts';
import type { PingOutcome } from './ping.ts';
import type { RegisterOptions, Registration } from './registration.ts';
import type { IncomingMessage as TextMessage, MessageOptions, MessageOutcome } from './text-message.ts';

export interface UserAgentOptions {
  /** The local address to listen on, UDP and TCP; port 0 for any that is free for both. */
  host: string;
  port: number;
  /** What peers are told instead of `host`. */
  advertisedHost?: string;
  /** TLS beside UDP and TCP: `sips:` and `;transport=tls`, in and out. */
  tls?: TlsOptions;
  /** sip: URI of the proxy that our requests outside dialogs go by (RFC 3261 §8.1.2); registered contacts are reached without it. */
  outboundProxy?: string;
  /** Digest realm and local domain; 'tocsin' when absent. */
  domain?: string;
  /** The secrets of accounts; undefined for no such account. Absent: nobody is asked who he is. */
  credentials?: (user: string) => Promise<DigestSecret | undefined>;
  /** Names the trunk whose calls from this source are taken without digest; undefined for any other source. */
  trustedSource?: SourceOf;
  /** Where the registrar keeps bindings; in memory when absent. */
  bindings?: BindingStore;
  /** True when `credentials` are given; gateways run without. */
  requireDigest?: boolean;
  clock: Clock;
  chance: Chance;
  log: Log;
  /** Dialogs at a time, ringing ones included; the next incoming call is answered 503. 8000 when absent. */
  limits?: { dialogs?: number };
  /** DNS for host names (RFC 3263); the system's when absent. */
  resolver?: Resolver;
  /** For tests: other transports than the real ones, other times than the RFC's. */
  transport?: SipTransport;
  timing?: Timing;
}

export interface InviteOptions {
  /** A sip: URI, or a registered contact, which is reached the way it registered. */
  target: string | Binding;
  /** `host`: the domain in From, where a network wants its own; our address when absent. */
  from: { user: string; displayName?: string; host?: string };
  /** What To says: a URI or a bare user; the target when absent. */
  to?: string;
  offer: string;
  /** Further headers; they replace ours of the same name. */
  headers?: Record<string, string>;
  /** For a peer that challenges us. */
  credentials?: { user: string; password: string };
  /** That of the call that led to this one, so that calls cannot go in circles; 70 when absent. */
  maxForwards?: number;
  /** The dialog at the target that this call takes over: `call-id;to-tag=…;from-tag=…`. */
  replaces?: string;
  /** Aborting cancels; a string as reason goes along. */
  signal?: AbortSignal;
}

export type UserAgentEvents = {
  invite: [invite: IncomingInvite];
  /** A text by MESSAGE; without a listener it is refused with 405. */
  message: [message: TextMessage];
  'bindings-changed': [user: string, bindings: Binding[]];
  /** A source sends too much garbage or too many wrong passwords. */
  throttled: [throttled: { what: ThrottledFor; source: string }];
};

/** The SIP end that we are: transports, registrar and calls behind one face. */
export interface UserAgent extends AsyncDisposable, Listenable<UserAgentEvents> {
  /** Where peers reach us. */
  readonly address: Address;
  /** Where peers reach us over TLS; undefined without a certificate. */
  readonly tlsAddress: Address | undefined;
  readonly registrar: {
    /** Live bindings of a user, the preferred first. */
    lookup(user: string): Binding[];
    snapshot(): { users: number; bindings: number };
  };
  /** Hands over an upgraded WebSocket (subprotocol `sip`, RFC 7118): the HTTP server's 'upgrade' event for its SIP path. */
  handleWebSocketUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Calls. Every ending, an unreachable target included, is in the outcome. */
  invite(options: InviteOptions): OutgoingInvite;
  /**
   * Goes on with a dialog of the process before this one. Nothing is sent: a re-INVITE tells whether the peer is still
   * there. `credentials` are for a peer that challenges us.
   */
  takeUp(kept: KeptDialog, options?: { credentials?: { user: string; password: string } }): InviteDialog;
  /** Goes on with a call that waits for our answer since before this process began: it may be answered or refused. */
  takeUpIncoming(kept: KeptIncoming): IncomingInvite;
  /** Goes on with a call of ours that has been ringing since before this process began. */
  takeUpOutgoing(kept: KeptOutgoing): OutgoingInvite;
  /** Sends a text by MESSAGE. Every ending, an unreachable target included, is in the outcome. */
  message(options: MessageOptions): Promise<MessageOutcome>;
  /** Opens an event package to subscribers (`dialog`, `message-summary` …); once a package. */
  notifier(event: string, options: NotifierOptions): Notifier;
  /** Asks with OPTIONS whether a peer lives. */
  ping(target: string, timeoutMs: number): Promise<PingOutcome>;
  /** Registers with another registrar, and stays registered until disposed of. */
  register(options: RegisterOptions): Registration;
  snapshot(): object;
  /** Counts what a source has done that only those above us can judge. */
  countMisdeed(source: string, misdeed: Misdeed): void;
  /** Who tries what: for the security page. */
  security(): SecuritySnapshot;
  /** Hears a source again at once; false when it had not been shut out. What it has done stays counted. */
  releaseSource(source: string): boolean;
}
