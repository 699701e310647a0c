import type { CallSettings } from '@tocsin/protocol/call-settings.ts';
import type { HuntGroup } from '@tocsin/protocol/directory.ts';
import { sleep, type Clock } from '#kernel/clock.ts';
import type { Confirmation } from './confirm.ts';
import type { DialOptions, DialTarget } from './dialler.ts';
import { type Diversion, diversionHeaders, type DiversionReason, DIVERSIONS_LIMIT } from './diversion.ts';
import { firstToAnswer } from './first-to-answer.ts';
import { hunt, type MemberState } from './hunt.ts';
import type { DialOutcome, Leg } from './leg.ts';
import type { Destination } from './routing/routing.ts';

/** How long somebody may think about the key on his mobile before the call rings on elsewhere. */
const CONFIRM_FOR_MS = 15_000;

/** Who calls, as far as it matters for who may be rung. */
export interface SeekOptions extends Omit<DialOptions, 'headers'> {
  signal: AbortSignal;
  /** By right, the call rings also who does not want to be disturbed. */
  isUrgent: boolean;
  /** The phone talks, and the caller waits for it. */
  onWaiting?: () => void;
  /** What happens on the way, for the timeline. */
  note(kind: string, data: Record<string, unknown>): void;
}

/** What seeking needs of the house. */
export interface SeekParts {
  dial(target: DialTarget, options: DialOptions): Promise<DialOutcome>;
  /** Where a number leads for this account, which pays for the call. */
  wayTo(number: string, account: string | undefined): Destination;
  group(number: string): HuntGroup | undefined;
  settings(account: string): CallSettings;
  isRegistered(account: string): boolean;
  isBusy(account: string): boolean;
  freeSince(account: string): number;
  /** Waits for a phone that talks; `free`: it has hung up and may be rung. Busy when it cannot be waited for. */
  wait(account: string, options: SeekOptions): Promise<DialOutcome | { kind: 'free' }>;
  /** Its owner is away by the directory. */
  isAway(account: string): boolean;
  confirm(leg: Leg, forMs: number, signal: AbortSignal): Promise<Confirmation>;
  clock: Clock;
}

/** One call on its way from number to number. */
interface Search extends SeekOptions {
  diversions: readonly Diversion[];
}

/**
 * Finds who answers a number that somebody has dialled: the phones of its account, or where its owner has sent his calls,
 * or whoever of a group comes first. What the house itself dials (a plan, a chair) goes to the phones without this:
 * an order is not sent on.
 */
export class Seeker {
  readonly #parts: SeekParts;

  constructor(parts: SeekParts) {
    this.#parts = parts;
  }

  async seek(number: string, way: Destination, options: SeekOptions): Promise<DialOutcome> {
    return await this.#seek(number, way, { ...options, diversions: [] });
  }

  /** How a member of a group stands now. Numbers outside are always tried. */
  stateOf(member: string): MemberState {
    const way = this.#parts.wayTo(member, undefined);
    if (way.kind !== 'account') return 'free';
    if (!this.#parts.isRegistered(way.user)) return 'unregistered';
    if (this.#parts.settings(way.user).doNotDisturb) return 'do-not-disturb';
    return this.#parts.isBusy(way.user) ? 'busy' : 'free';
  }

  async #seek(number: string, way: Destination, search: Search): Promise<DialOutcome> {
    switch (way.kind) {
      case 'account':
        return await this.#ringAccount(way.user, number, search);
      case 'trunk':
        return await this.#dial({ number, way }, search);
      case 'group':
        return await this.#huntGroup(number, search);
      default:
        return { kind: 'unreachable', why: 'unknown-number' };
    }
  }

  async #ringAccount(account: string, number: string, search: Search): Promise<DialOutcome> {
    const { settings: settingsOf, isRegistered, isBusy } = this.#parts;
    const settings = settingsOf(account);
    if (settings.forwardAlways) return await this.#divert(account, 'unconditional', settings.forwardAlways, search);
    if (settings.doNotDisturb && !search.isUrgent) {
      search.note('call.not-disturbed', { account });
      return await this.#orDivert({ kind: 'busy' }, account, settings, search);
    }
    if (isBusy(account) && settings.forwardBusy && !search.isUrgent)
      return await this.#divert(account, 'user-busy', settings.forwardBusy, search);
    if (isBusy(account) && isRegistered(account) && settings.callWaiting !== 'line' && !search.isUrgent) {
      const waited = settings.callWaiting === 'tone' ? await this.#wait(account, search) : ({ kind: 'busy' } as const);
      if (waited.kind !== 'free') return await this.#orDivert(waited, account, settings, search);
    }
    const others = this.#followMeOf(account, settings);
    if (!isRegistered(account) && others.length === 0)
      return await this.#orDivert({ kind: 'unreachable', why: 'not-registered' }, account, settings, search);
    const ringForMs = settings.forwardNoAnswer ? settings.forwardNoAnswer.afterS * 1000 : search.ringForMs;
    const outcome =
      others.length === 0
        ? await this.#dial({ number: account, way: { kind: 'account', user: account } }, { ...search, ringForMs })
        : await this.#ringAlong(account, number, others, { ...search, ringForMs });
    return await this.#orDivert(outcome, account, settings, search);
  }

  async #wait(account: string, search: Search): Promise<DialOutcome | { kind: 'free' }> {
    const { forwardNoAnswer } = this.#parts.settings(account);
    const ringForMs = forwardNoAnswer ? forwardNoAnswer.afterS * 1000 : search.ringForMs;
    search.note('call.waiting', { account });
    return await this.#parts.wait(account, { ...search, ringForMs });
  }

  /** What did not come to an answer goes where its owner wants such calls. */
  async #orDivert(outcome: DialOutcome, account: string, settings: CallSettings, search: Search): Promise<DialOutcome> {
    const { forwardBusy, forwardNoAnswer, forwardUnreachable } = settings;
    if (outcome.kind === 'busy' && forwardBusy) return await this.#divert(account, 'user-busy', forwardBusy, search);
    if (outcome.kind === 'unanswered' && forwardNoAnswer)
      return await this.#divert(account, 'no-answer', forwardNoAnswer.to, search);
    const isGone = outcome.kind === 'unreachable' && ['not-registered', 'no-response', 'network'].includes(outcome.why);
    if (isGone && forwardUnreachable) return await this.#divert(account, 'unavailable', forwardUnreachable, search);
    return outcome;
  }

  async #divert(from: string, reason: DiversionReason, to: string, search: Search): Promise<DialOutcome> {
    const way = this.#parts.wayTo(to, from);
    const passed = [...search.diversions.map((each) => each.from), from];
    const isCircle = passed.includes(way.kind === 'account' ? way.user : to);
    if (isCircle || passed.length > DIVERSIONS_LIMIT) {
      search.note('call.forward-loop', { from, to, passed });
      return { kind: 'unreachable', why: 'forward-loop' };
    }
    search.note('call.forwarded', { from, to, because: reason });
    return await this.#seek(to, way, { ...search, diversions: [...search.diversions, { from, reason }] });
  }

  #followMeOf(account: string, { followMe }: CallSettings): CallSettings['followMe']['numbers'] {
    return followMe.isOn || this.#parts.isAway(account) ? followMe.numbers : [];
  }

  /** The desk phone and those that ring along, each after its delay; a desk phone that is not there delays nobody. */
  async #ringAlong(
    account: string,
    number: string,
    others: CallSettings['followMe']['numbers'],
    search: Search,
  ): Promise<DialOutcome> {
    const isHere = this.#parts.isRegistered(account);
    const headStartMs = isHere ? 0 : Math.min(...others.map(({ afterS }) => afterS)) * 1000;
    const atDesk = (signal: AbortSignal) =>
      this.#dial({ number: account, way: { kind: 'account', user: account } }, { ...search, signal });
    const along = others.map((other) => async (signal: AbortSignal): Promise<DialOutcome> => {
      const delayMs = other.afterS * 1000 - headStartMs;
      if (delayMs >= search.ringForMs) return { kind: 'unanswered', afterMs: 0 };
      await sleep(this.#parts.clock, delayMs, signal).catch(() => {});
      if (signal.aborted) return { kind: 'cancelled' };
      search.note('call.follow-me', { from: account, to: other.dial });
      const diversions: Diversion[] = [...search.diversions, { from: account, reason: 'follow-me' }];
      const way = this.#parts.wayTo(other.dial, account);
      if (way.kind !== 'account' && way.kind !== 'trunk') return { kind: 'unreachable', why: 'unknown-number' };
      const ringForMs = search.ringForMs - delayMs;
      const outcome = await this.#dial({ number: other.dial, way }, { ...search, diversions, ringForMs, signal });
      if (outcome.kind !== 'answered' || other.confirm === 'none') return outcome;
      return await this.#confirmed(outcome, other.dial, search, signal);
    });
    const result = await firstToAnswer([...(isHere ? [atDesk] : []), ...along], search.signal);
    if ('winner' in result) return result.outcome;
    if (search.signal.aborted) return { kind: 'cancelled' };
    // What the desk phone says counts; without one, what says most of the others.
    const [first] = result.outcomes;
    const unanswered = result.outcomes.find(({ kind }) => kind === 'unanswered');
    return (isHere ? first : (unanswered ?? first)) ?? { kind: 'unreachable', why: 'unknown-number' };
  }

  /** A voicemail never presses a key, and so never takes the call from the phones that still ring. */
  async #confirmed(
    outcome: Extract<DialOutcome, { kind: 'answered' }>,
    number: string,
    search: Search,
    signal: AbortSignal,
  ): Promise<DialOutcome> {
    const confirmation = await this.#parts.confirm(outcome.leg, CONFIRM_FOR_MS, signal);
    search.note('call.follow-me-answered', { to: number, confirmation });
    if (confirmation === 'confirmed') return outcome;
    await outcome.leg.hangUp(confirmation === 'declined' ? 'declined' : 'not-confirmed');
    return signal.aborted ? { kind: 'cancelled' } : { kind: 'unanswered', afterMs: outcome.afterMs };
  }

  async #huntGroup(number: string, search: Search): Promise<DialOutcome> {
    const group = this.#parts.group(number);
    if (!group) return { kind: 'unreachable', why: 'unknown-number' };
    // The caller hears ringing from the first moment: that the group looks for somebody is its own affair.
    search.onRinging?.();
    search.note('group.hunting', { group: number, strategy: group.strategy });
    const outcome = await hunt(
      group,
      {
        clock: this.#parts.clock,
        state: (member) => this.stateOf(member),
        freeSince: (member) => this.#parts.freeSince(member),
        ring: async (member, { ringForMs, signal }) => {
          search.note('group.member-rung', { group: number, member });
          return await this.#dial({ number: member }, { ...search, ringForMs, signal, party: undefined });
        },
      },
      search.signal,
    );
    search.note('group.hunted', {
      group: number,
      outcome: outcome.kind,
      ...(outcome.kind === 'answered' ? { member: outcome.member } : {}),
    });
    if (outcome.kind === 'answered') return { kind: 'answered', leg: outcome.leg, afterMs: 0 };
    if (outcome.kind === 'cancelled') return { kind: 'cancelled' };
    const reason = outcome.kind === 'nobody-free' ? 'user-busy' : 'no-answer';
    if (group.overflow !== undefined) return await this.#divert(number, reason, group.overflow, search);
    return outcome.kind === 'nobody-free' ? { kind: 'busy' } : { kind: 'unanswered', afterMs: group.totalS * 1000 };
  }

  async #dial(target: Extract<DialTarget, { number: string }>, search: Search): Promise<DialOutcome> {
    const { diversions, note: _note, isUrgent: _isUrgent, onWaiting: _onWaiting, ...options } = search;
    const headers = diversionHeaders(diversions, target.number);
    const isElsewhere = diversions.length > 0;
    return await this.#parts.dial(target, {
      ...options,
      // Who is reached through a diversion is not who was dialled.
      ...(isElsewhere ? { party: undefined } : {}),
      ...(isElsewhere ? { headers } : {}),
    });
  }
}
