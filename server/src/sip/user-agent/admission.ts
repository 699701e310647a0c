import type { Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { DigestServer } from '../auth/digest-server.ts';
import { type Request, Response } from '../message/message.ts';
import type { Address, Flow, TransportKind } from '../transport/flow.ts';
import { SourceThrottle } from '../transport/throttle.ts';
import type { Trespassers } from './trespassers.ts';

/** Wrong passwords one source may give for one user, and for all users together, within a minute. */
const WRONG_PER_USER_LIMIT = 10;
const WRONG_PER_SOURCE_LIMIT = 200;
const WRONG_WINDOW_MS = 60_000;
/** Calls whose caller has not proved himself that one source may begin within ten seconds, beyond those that then did. */
const UNPROVEN_LIMIT = 2000;
const UNPROVEN_WINDOW_MS = 10_000;

/** Whether a request may be served, and whose it is. */
type Admission = { kind: 'admitted'; account?: string; trunk?: string } | { kind: 'refused'; response: Response };

export type SourceOf = (source: Address & { transport: TransportKind }) => string | undefined;

/**
 * Who may call and register: trunks by their address, everyone else by digest. A wrong password is challenged again; a
 * source that has given too many for a user is refused with 403 unheard for the rest of the minute, the right password
 * included, so that guessing is slow. Other users of the same source are not touched until the source as a whole is over.
 */
export class Admissions {
  readonly #digest: DigestServer | undefined;
  readonly #trustedSource: SourceOf;
  readonly #trespassers: Trespassers;
  readonly #perUser: SourceThrottle;
  readonly #perSource: SourceThrottle;
  readonly #unproven: SourceThrottle;

  constructor(options: {
    digest?: DigestServer;
    trustedSource?: SourceOf;
    clock: Clock;
    log: Log;
    trespassers: Trespassers;
    /** A source is not heard any more, for one account or at all; told once for as long as that lasts. */
    onThrottled: (source: string, why: 'wrong-password' | 'flood') => void;
  }) {
    const { trespassers } = options;
    this.#trespassers = trespassers;
    this.#digest = options.digest;
    this.#trustedSource = options.trustedSource ?? (() => undefined);
    const common = { windowMs: WRONG_WINDOW_MS, clock: options.clock, log: options.log };
    this.#perUser = new SourceThrottle({
      ...common,
      what: 'wrong SIP password',
      limit: WRONG_PER_USER_LIMIT,
      onThrottled: (key, untilMs) => {
        const [source = key, account] = key.split(' ');
        const isNews = trespassers.throttled(source, 'wrong-password', untilMs, account);
        if (isNews) options.onThrottled(source, 'wrong-password');
      },
    });
    this.#perSource = new SourceThrottle({
      ...common,
      what: 'wrong SIP passwords of many users',
      limit: WRONG_PER_SOURCE_LIMIT,
      onThrottled: (source, untilMs) => {
        const isNews = trespassers.throttled(source, 'wrong-password', untilMs);
        if (isNews) options.onThrottled(source, 'wrong-password');
      },
    });
    this.#unproven = new SourceThrottle({
      ...{ what: 'SIP calls without credentials', limit: UNPROVEN_LIMIT, windowMs: UNPROVEN_WINDOW_MS },
      ...{ clock: options.clock, log: options.log },
      onThrottled: (source, untilMs) => {
        trespassers.throttled(source, 'flood', untilMs);
        options.onThrottled(source, 'flood');
      },
    });
  }

  /** Every wrong password since the start. */
  get wrongPasswords(): number {
    return this.#perSource.total;
  }

  /** Whether a request without credentials can only be challenged, which needs no transaction. */
  mustChallenge(request: Request): boolean {
    return this.#digest !== undefined && !request.has('Authorization');
  }

  /** Whether a call without credentials is one of a flood: it gets no answer, so that the flood costs nothing. */
  isFlood(request: Request, source: string): boolean {
    if (request.method !== 'INVITE' || !this.#digest || request.has('Authorization')) return false;
    if (!this.#unproven.isOver(source)) return false;
    this.#unproven.count(source);
    this.#trespassers.count(source, 'unheard');
    return true;
  }

  /** Hears a source again at once; false when it had not been shut out. */
  release(source: string): boolean {
    const perUser = this.#perUser.release((key) => key.startsWith(`${source} `));
    const whole = [this.#perSource, this.#unproven].map((throttle) => throttle.release((key) => key === source));
    return perUser || whole.includes(true);
  }

  challenge(request: Request, toTag: string, isStale = false): Response {
    return this.#digest!.challenge(Response.to(request, 401, { toTag }), request, { isStale });
  }

  /** Decides about a call. */
  async admitCall(request: Request, flow: Flow, toTag: string): Promise<Admission> {
    const trunk = this.#trustedSource({ transport: flow.transport, ...flow.remote });
    return trunk === undefined ? this.admitAccount(request, flow, toTag) : { kind: 'admitted', trunk };
  }

  /** Whether too many wrong passwords have come from there; it goes on being counted, so that it is told once a minute. */
  #isShutOut(source: string, user: string): boolean {
    const key = `${source} ${user}`;
    if (this.#perSource.isOver(source)) this.#perSource.count(source);
    else if (this.#perUser.isOver(key)) this.#perUser.count(key);
    else return false;
    this.#trespassers.count(source, 'unheard');
    return true;
  }

  /** Decides about a REGISTER or anything else that only an account may do. */
  async admitAccount(request: Request, flow: Flow, toTag: string): Promise<Admission> {
    if (!this.#digest) return { kind: 'admitted' };
    const source = flow.remote.host;
    const presented = this.#digest.presented(request);
    const claimed = presented?.params.get('username');
    if (claimed !== undefined && this.#isShutOut(source, claimed))
      return { kind: 'refused', response: Response.to(request, 403, { toTag }) };
    const verdict = await this.#digest.verify(request, presented);
    switch (verdict.kind) {
      case 'accepted':
        if (request.method === 'INVITE') {
          this.#trespassers.proved(source);
          this.#unproven.takeBack(source);
        }
        return { kind: 'admitted', account: verdict.user };
      case 'absent':
        if (request.method === 'INVITE') {
          this.#trespassers.count(source, 'unprovenInvites');
          this.#unproven.count(source);
        }
        return { kind: 'refused', response: this.challenge(request, toTag) };
      case 'stale':
        return { kind: 'refused', response: this.challenge(request, toTag, true) };
      case 'wrong':
        this.#trespassers.count(source, verdict.isKnown ? 'wrongPasswords' : 'unknownAccounts');
        this.#perUser.count(`${source} ${verdict.user}`);
        this.#perSource.count(source);
        return { kind: 'refused', response: this.challenge(request, toTag) };
    }
  }
}
