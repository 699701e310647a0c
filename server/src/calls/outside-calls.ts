import type { Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { InviteOptions, UserAgent } from '#sip/user-agent/user-agent.ts';
import type { Timeline } from '#timeline/timeline.ts';
import { type Allowance, CallAllowance } from './call-allowance.ts';
import type { DialOutcome, Party } from './leg.ts';
import type { Lines } from './lines.ts';
import { callClassOf } from './routing/call-class.ts';
import type { Destination, RoutingBook, TrunkWay } from './routing/routing.ts';
import { causeOf, type NetworkCause } from './trunks/causes.ts';
import { identityFor, type OwnCaller } from './trunks/identity.ts';
import type { Trunks } from './trunks/trunks.ts';

/** Who wants a call made: an account of ours, or a trunk's caller. `source` is his host, for the security page. */
export type Asker = Pick<Party, 'account' | 'trunk'> & { source?: string };

/** An outside call as the dialler asks for it. */
interface OutsideRequest {
  asks?: Asker;
  /** For all trunks together. */
  ringForMs: number;
  /** The call this is a part of. */
  call?: string;
  signal?: AbortSignal;
}

type OutsideWay = Extract<Destination, { kind: 'trunk' }>;

/** Q.850: call rejected. */
const CALL_REJECTED = 21;
/** Q.850: no circuit available. */
const OUT_OF_SERVICE = 34;
const TAKEN_OUT = { zh: '中继已由管理员退出服务', en: 'The administrator has taken the trunk out of service' };

/** Calls that leave the house: whether the caller may make one more, by which trunk it goes, and what the trunk is told. */
export class OutsideCalls {
  readonly #book: RoutingBook;
  readonly #trunks: Trunks;
  readonly #lines: Lines;
  readonly #userAgent: UserAgent;
  readonly #timeline: Timeline;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #allowance: CallAllowance;

  constructor(parts: {
    routingBook: RoutingBook;
    trunks: Trunks;
    lines: Lines;
    userAgent: UserAgent;
    timeline: Timeline;
    clock: Clock;
    log: Log;
  }) {
    this.#book = parts.routingBook;
    this.#trunks = parts.trunks;
    this.#lines = parts.lines;
    this.#userAgent = parts.userAgent;
    this.#timeline = parts.timeline;
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#allowance = new CallAllowance(parts.clock);
  }

  /**
   * Tries the trunks one after another until one serves the call: answered or not, by the called party's own word. A trunk that
   * does not answer, is full or cannot serve hands the call to the next; the time to ring is for all together.
   */
  async call(
    { ways, numberClass }: OutsideWay,
    request: OutsideRequest,
    ring: (way: TrunkWay, ringForMs: number) => Promise<DialOutcome>,
  ): Promise<DialOutcome> {
    const allowed = this.#allow(request.asks, ways[0]!.number, numberClass);
    if (allowed.kind === 'refused') {
      const cause = { ...causeOf({ status: 403, q850: CALL_REJECTED }), words: allowed.words };
      return { kind: 'refused', status: 403, cause };
    }
    const ordered = this.#trunks.order(ways, { isEmergency: numberClass === 'emergency' });
    if (ordered.length === 0) {
      allowed.end();
      return { kind: 'unreachable', why: 'no-lines', cause: this.#drained(ways, request) };
    }
    const outcome = await this.#hunt(ordered, request, ring);
    if (outcome.kind === 'answered') outcome.leg.once('ended', () => allowed.end());
    if (outcome.kind !== 'answered' || outcome.leg.state === 'ended') allowed.end();
    return outcome;
  }

  /** What an INVITE to a trunk says: the number, over which line where lines have names (RFC 4904), and who calls. */
  inviteBy(
    { trunk: id, number, address }: TrunkWay,
    line: string | undefined,
    caller: OwnCaller,
  ): Pick<InviteOptions, 'target' | 'from' | 'headers' | 'credentials'> {
    const trunk = this.#book.site.trunks.find((each) => each.id === id)!;
    const { user, password } = trunk.register ?? {};
    return {
      target:
        line === undefined
          ? address
          : address.replace(`sip:${number}@`, `sip:${number};tgrp=${line};trunk-context=${trunk.send!.host}@`),
      ...identityFor(trunk, caller),
      ...(user !== undefined && password !== undefined ? { credentials: { user, password } } : {}),
    };
  }

  /** The gateway would not let us have that very line (Q.850 44). */
  lineRefused({ trunk }: TrunkWay, line: string): void {
    this.#lines.isOutOfOrder(trunk, line);
  }

  /** Every trunk that leads there is out of service by somebody's word. */
  #drained([way]: readonly TrunkWay[], { call }: OutsideRequest): NetworkCause {
    const cause = { ...causeOf({ q850: OUT_OF_SERVICE }), words: TAKEN_OUT };
    const { q850, words } = cause;
    this.#note({
      kind: 'trunk.refused-call',
      ...(call === undefined ? {} : { call }),
      data: { trunk: way!.trunk, number: way!.number, outcome: 'out-of-service', q850, words },
    });
    return cause;
  }

  async #hunt(
    ways: readonly TrunkWay[],
    request: OutsideRequest,
    ring: (way: TrunkWay, ringForMs: number) => Promise<DialOutcome>,
  ): Promise<DialOutcome> {
    const startedMs = this.#clock.monotonic();
    let last: DialOutcome | undefined;
    for (const way of ways) {
      const leftMs = request.ringForMs - (this.#clock.monotonic() - startedMs);
      if (leftMs <= 0 || request.signal?.aborted) break;
      last = await ring(way, leftMs);
      const isFault = this.#judge(way, last, request.call);
      if (!isFault) return last;
    }
    return last ?? { kind: 'cancelled' };
  }

  /** Tells the trunk's state and the timeline how it went; true when the next trunk shall be tried. */
  #judge(way: TrunkWay, outcome: DialOutcome, call: string | undefined): boolean {
    if (outcome.kind === 'cancelled') return false;
    const cause = outcome.kind === 'answered' ? undefined : outcome.cause;
    const isFull = outcome.kind === 'unreachable' && outcome.why === 'no-lines' && outcome.status === undefined;
    if (isFull) this.#trunks.wasFull(way.trunk);
    else if (cause?.isOfTrunk) this.#trunks.failed(way.trunk, cause);
    else this.#trunks.served(way.trunk, outcome.kind === 'answered');
    if (!cause) return false;
    const { status, q850, words } = cause;
    this.#note({
      kind: 'trunk.refused-call',
      ...(call === undefined ? {} : { call }),
      data: { trunk: way.trunk, number: way.number, outcome: outcome.kind, status, q850, words },
    });
    return cause.isOfTrunk;
  }

  #allow(asks: Asker | undefined, number: string, numberClass: OutsideWay['numberClass']): Allowance {
    const { account, trunk, source } = asks ?? {};
    const callClass = callClassOf({ account, trunk }, this.#book);
    if (!callClass) return { kind: 'allowed', end: () => {} };
    const caller = account ?? `trunk:${trunk}`;
    const allowance = this.#allowance.take(caller, callClass, numberClass);
    if (allowance.kind === 'refused') {
      this.#userAgent.countMisdeed(source ?? caller, 'barredCalls');
      const { because, words } = allowance;
      this.#note({ kind: 'security.call-refused', data: { caller, number, because, words } });
    }
    return allowance;
  }

  #note(entry: Parameters<Timeline['append']>[0]): void {
    this.#timeline
      .append(entry)
      .catch((error: unknown) => this.#log.error('timeline entry lost', { kind: entry.kind, error }));
  }
}
