import type { Chance } from '#kernel/chance.ts';
import type { Clock } from '#kernel/clock.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Log } from '#kernel/log.ts';
import type { PlainCodec } from '#sdp/codec.ts';
import type { SrtpMode } from '#sdp/crypto.ts';
import type { Binding } from '#sip/registrar/binding.ts';
import type { UserAgent } from '#sip/user-agent/user-agent.ts';
import { ANSWERED_ELSEWHERE } from './first-to-answer.ts';
import { ringForks } from './forks.ts';
import type { DialOutcome, HangUpReason, Party } from './leg.ts';
import type { LegMedia } from './leg-media.ts';
import type { Lamps } from './lamps.ts';
import type { Lines } from './lines.ts';
import { srtpFor } from './media-security.ts';
import type { Asker, OutsideCalls } from './outside-calls.ts';
import { route } from './routing/route.ts';
import type { Destination, RoutingBook, TrunkWay } from './routing/routing.ts';
import { SipLeg } from './sip-leg.ts';
import { causeOf, type NetworkCause } from './trunks/causes.ts';

/** Where a call that rings phones goes. */
type DialWay = Extract<Destination, { kind: 'account' | 'trunk' }>;

/**
 * What to reach: a number as one would dial it, the way that routing has found for one, or a SIP address that a gateway
 * has announced.
 */
export type DialTarget = { number: string; way?: DialWay } | { address: string };

export interface DialOptions {
  /** How long the far end may ring before the answer is `unanswered`. 1000-300000 ms. */
  ringForMs: number;
  /** Whose number and name the far end sees. */
  from: { number: string; name?: string; isAnonymous?: boolean };
  /** By whose right an outside number is called; absent: the house's own, which may call everybody. */
  asks?: Asker;
  /** The call for which it rings, for the timeline; kept with the leg, so that a restart can go on with both. */
  call?: string;
  /** Further headers of the INVITE. */
  headers?: Record<string, string>;
  /** Who is thought to be there; found from the number when absent. */
  party?: Party;
  /** The far end's user has asked for this call himself: his phone may answer at once. */
  answersItself?: boolean;
  /** What the other party speaks, best first: offered in this order, so that as little as possible is transcoded. */
  like?: readonly PlainCodec[];
  /** The dialog at the far end that this call takes over: `call-id;to-tag=…;from-tag=…` (RFC 3891). */
  replaces?: string;
  /** Aborting ends the ringing; the reason `answered-elsewhere` tells the phones that somebody has taken the call. */
  signal?: AbortSignal;
  onInvited?: () => void;
  onRinging?: () => void;
  /** A trunk's far end is heard before it answers: its own ringing tone, or an announcement. */
  onEarlyMedia?: (far: SipLeg) => void;
}

/** One phone, or one trunk's number, that an attempt rings. */
interface Phone {
  to: string | Binding;
  isBrowser: boolean;
  srtp?: SrtpMode;
  way?: TrunkWay;
}

/**
 * A far end that says nothing at all within this time, not even 100 Trying, is not there: the next number is tried.
 * RFC 3261's timer B would wait 32 s, which is too long when lives hang on it; every proxy and phone that works answers
 * within a second.
 */
const NO_RESPONSE_AFTER_MS = 5_000;

/** Makes the media of a leg: plain RTP, or through the SFU when the far end is a browser. */
export type OpenMedia = (label: string, isBrowser: boolean, wishes?: MediaWishes) => Promise<LegMedia>;

export interface MediaWishes {
  /** What the other party speaks, best first. */
  like?: readonly PlainCodec[];
  /** Whether the sound is secured by SDES; absent: off. */
  srtp?: SrtpMode;
}

/** Asks the phone of someone who has himself asked for the call to answer without ringing. */
const ANSWER_ITSELF_HEADERS = {
  'X-Tocsin-Answer': 'auto',
  'Call-Info': '<sip:tocsin>;answer-after=0',
  'Alert-Info': '<http://tocsin.invalid>;info=alert-autoanswer;delay=0',
};

/** Places calls: finds where a number leads, rings the phones of the account, and takes the first that answers. */
export class Dialler {
  readonly #userAgent: UserAgent;
  readonly #openMedia: OpenMedia;
  readonly #book: RoutingBook;
  readonly #lines: Lines;
  readonly #lamps: Lamps;
  readonly #outside: OutsideCalls;
  readonly #clock: Clock;
  readonly #chance: Chance;
  readonly #log: Log;
  readonly #onLeg: (leg: SipLeg) => void;

  constructor(parts: {
    userAgent: UserAgent;
    openMedia: OpenMedia;
    routingBook: RoutingBook;
    lines: Lines;
    lamps: Lamps;
    outside: OutsideCalls;
    clock: Clock;
    chance: Chance;
    log: Log;
    /** Hears of every leg that is about to ring. */
    onLeg?: (leg: SipLeg) => void;
  }) {
    this.#userAgent = parts.userAgent;
    this.#openMedia = parts.openMedia;
    this.#book = parts.routingBook;
    this.#lines = parts.lines;
    this.#lamps = parts.lamps;
    this.#outside = parts.outside;
    this.#clock = parts.clock;
    this.#chance = parts.chance;
    this.#log = parts.log;
    this.#onLeg = parts.onLeg ?? (() => {});
  }

  /** Dials, and resolves when the far end has answered or will not. Never throws for what a telephone network may do. */
  async dial(target: DialTarget, options: DialOptions): Promise<DialOutcome> {
    if ('address' in target)
      return await this.#ring([{ to: target.address, isBrowser: false }], {
        ...options,
        party: options.party ?? { number: target.address },
      });
    const destination = target.way ?? this.#wayTo(target.number, options);
    const party = options.party ?? this.#partyOf(target.number);
    switch (destination.kind) {
      case 'account': {
        const { user } = destination;
        const bindings = this.#userAgent.registrar.lookup(user);
        if (bindings.length === 0) return { kind: 'unreachable', why: 'not-registered' };
        const account = this.#book.account(user);
        const phones = bindings.flatMap((binding) => {
          const srtp = srtpFor(account, binding.source.transport);
          return srtp === 'needs-tls' ? [] : [{ to: binding, isBrowser: binding.isWebSocket, srtp }];
        });
        if (phones.length === 0) {
          this.#log.warn('SRTP is required, and the phone has not registered over TLS', { account: user });
          return { kind: 'unreachable', why: 'media-refused' };
        }
        return await this.#ring(phones, { ...options, party: { ...party, account: user } });
      }
      case 'trunk':
        return await this.#outside.call(destination, options, (way, ringForMs) =>
          this.#ring([{ to: way.address, isBrowser: false, way }], {
            ...options,
            ringForMs,
            party: { ...party, trunk: way.trunk },
          }),
        );
      case 'refused':
        return {
          kind: 'refused',
          status: 403,
          cause: { ...causeOf({ status: 403 }), words: destination.words },
        };
      case 'group':
      case 'room':
      case 'channel':
      case 'echo':
      case 'feature':
      case 'unknown':
        return { kind: 'unreachable', why: 'unknown-number' };
    }
  }

  /** Where a number leads that nobody has dialled on a phone: the house itself, or someone who has a call sent on. */
  #wayTo(number: string, { from, asks }: DialOptions): Destination {
    const { account, trunk } = asks ?? {};
    const question = { dialled: number, calling: from.number, account, trunk, atMs: this.#clock.now() };
    return route(question, this.#book).destination;
  }

  /** Who is at a number, as far as the directory knows. */
  #partyOf(number: string): Party {
    const person = this.#book.personByNumber(number);
    return { number, ...(person ? { person: person.id, name: person.name } : {}) };
  }

  async #ring(phones: Phone[], options: DialOptions & { party: Party }): Promise<DialOutcome> {
    const forks = phones.map((phone) => ({
      ring: (signal: AbortSignal) => this.#ringOne(phone, options, signal),
      ...rankOf(phone),
    }));
    const outcome = await ringForks(forks, options, this.#clock);
    return outcome.kind === 'nobody' ? mostTelling(outcome.outcomes) : outcome;
  }

  async #ringOne(phone: Phone, options: DialOptions & { party: Party }, signal: AbortSignal): Promise<DialOutcome> {
    const { way } = phone;
    const { party } = options;
    const taken = this.#lines.take(way?.trunk, { direction: 'out', number: way?.number ?? party.number });
    if (!taken) return { kind: 'unreachable', why: 'no-lines', cause: causeOf({ q850: 34 }) };
    const { line, giveBack } = taken;
    let leg: SipLeg;
    let offer: string;
    try {
      const media = await this.#openMedia(party.number, phone.isBrowser, { like: options.like, srtp: phone.srtp });
      leg = SipLeg.outbound(this.#chance.id('leg'), party, media);
      leg.trunk = way?.trunk;
      leg.call = options.call;
      leg.once('ended', giveBack);
      if (party.account !== undefined) this.#lamps.follow(party.account, leg, options.from.number);
      this.#onLeg(leg);
      offer = await media.offer();
    } catch (error) {
      giveBack();
      this.#log.warn('no media for an outgoing leg', { number: party.number, error });
      const isPorts = error instanceof DispatchError && error.code === 'MEDIA_PORTS_EXHAUSTED';
      return { kind: 'unreachable', why: isPorts ? 'no-lines' : 'media-refused' };
    }
    if (signal.aborted) {
      leg.fail(endingOf(signal));
      return { kind: 'cancelled' };
    }

    const attempt = new AbortController();
    signal.addEventListener('abort', () => attempt.abort(reasonOf(signal)), { once: true });
    const silence = this.#clock.after(NO_RESPONSE_AFTER_MS, () => attempt.abort('no-response'));
    const invite = way ? this.#outside.inviteBy(way, line, options.from) : inviteOf(phone, options);
    const outgoing = this.#userAgent.invite({
      ...invite,
      headers: { ...invite.headers, ...options.headers },
      offer,
      signal: attempt.signal,
      ...(options.replaces ? { replaces: options.replaces } : {}),
    });
    options.onInvited?.();
    leg.on('ringing', () => options.onRinging?.());
    outgoing.on('provisional', () => silence.cancel());
    leg.follow(outgoing);
    const { onEarlyMedia } = options;
    if (way && onEarlyMedia)
      outgoing.on('provisional', ({ sdp }) => {
        if (sdp !== undefined) void leg.takeEarly(sdp).then((isHeard) => isHeard && onEarlyMedia(leg));
      });

    const outcome = await outgoing.outcome;
    silence.cancel();
    switch (outcome.kind) {
      case 'answered':
        if (await leg.establish(outcome.dialog, outcome.answer))
          return {
            ...{ kind: 'answered', leg, afterMs: 0 },
            ...(way ? { via: { trunk: way.trunk, ...(line === undefined ? {} : { line }) } } : {}),
          };
        return leg.gone.aborted && signal.aborted
          ? { kind: 'cancelled' }
          : { kind: 'unreachable', why: 'media-refused' };
      case 'refused':
        leg.fail('declined');
        if (way && line !== undefined && outcome.q850 === LINE_NOT_AVAILABLE) this.#outside.lineRefused(way, line);
        return refusal(outcome.status, causeOf(outcome));
      case 'unanswered':
        leg.fail('nobody-answered');
        return leg.state === 'ringing'
          ? { kind: 'unanswered', afterMs: 0 }
          : { kind: 'unreachable', why: 'no-response', cause: causeOf({ q850: NO_RESPONSE }) };
      case 'cancelled':
        if (attempt.signal.reason === 'no-response') {
          leg.fail('signalling-lost');
          return { kind: 'unreachable', why: 'no-response', cause: causeOf({ q850: NO_RESPONSE }) };
        }
        leg.fail(endingOf(signal));
        return { kind: 'cancelled' };
      case 'unreachable':
        leg.fail('signalling-lost');
        return { kind: 'unreachable', why: 'network', cause: causeOf({ q850: NETWORK_OUT_OF_ORDER }) };
    }
  }
}

/** What a phone has said of its contact when it registered. */
function rankOf({ to }: Phone): { q: number; phone?: string } {
  if (typeof to === 'string') return { q: 1 };
  const { q, instance, regId } = to;
  return { q, ...(regId === undefined || instance === undefined ? {} : { phone: instance }) };
}

/** Q.850: requested channel not available; recovery on timer expiry; network out of order. */
const LINE_NOT_AVAILABLE = 44;
const NO_RESPONSE = 102;
const NETWORK_OUT_OF_ORDER = 38;

/** What a phone of ours, or a gateway, is told. */
function inviteOf({ to }: Phone, { from, answersItself }: DialOptions) {
  return {
    target: to,
    from: { user: from.number, ...(from.name ? { displayName: from.name } : {}) },
    ...(answersItself ? { headers: ANSWER_ITSELF_HEADERS } : {}),
  };
}

/** What the phones of a call that was given up are told (RFC 3326 §2). */
function reasonOf(signal: AbortSignal): string {
  if (signal.reason === ANSWERED_ELSEWHERE) return 'Call completed elsewhere';
  return signal.reason === 'unanswered' ? 'unanswered' : 'cancelled';
}

function endingOf(signal: AbortSignal): HangUpReason {
  return signal.reason === ANSWERED_ELSEWHERE
    ? ANSWERED_ELSEWHERE
    : signal.reason === 'unanswered'
      ? 'nobody-answered'
      : 'abandoned';
}

/** A final status as an outcome (RFC 3261 §21.4-21.6). */
function refusal(status: number, cause: NetworkCause): DialOutcome {
  if (status === 486 || status === 600) return { kind: 'busy', cause };
  if (status === 603 || status === 403) return { kind: 'refused', status, cause };
  if (status === 480 || status === 408) return { kind: 'unanswered', afterMs: 0, cause };
  if (status === 404 || status === 484 || status === 604 || status === 410)
    return { kind: 'unreachable', why: 'unknown-number', status, cause };
  if (status === 503) return { kind: 'unreachable', why: 'no-lines', status, cause };
  if (status === 488 || status === 606) return { kind: 'unreachable', why: 'media-refused', status, cause };
  if (status >= 500) return { kind: 'unreachable', why: 'network', status, cause };
  return { kind: 'refused', status, cause };
}

/** Of several phones that did not answer, what says most about the person: a refusal before busy before silence. */
function mostTelling(outcomes: DialOutcome[]): DialOutcome {
  const order: DialOutcome['kind'][] = ['refused', 'busy', 'unanswered', 'unreachable', 'cancelled'];
  return (
    outcomes.toSorted((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind))[0] ?? {
      kind: 'unreachable',
      why: 'not-registered',
    }
  );
}
