import type { Clock } from '#kernel/clock.ts';
import { Emitter } from '#kernel/emitter.ts';
import type { Flow } from '../transport/flow.ts';
import type { KeptOutgoing } from './kept-invite.ts';
import type { InviteOutcome, OutgoingInvite } from './outgoing-invite.ts';

/** A target that says nothing at all for so long is left for the next one, when there is a next one. */
const NEXT_AFTER_MS = 2500;

/**
 * A call to a name that has several targets: one after another is tried until one answers anything but 503
 * (RFC 3263 §4.3). It looks like one call; each try is an INVITE of its own with the same Call-ID.
 */
export class FailoverInvite
  extends Emitter<{ provisional: [{ status: number; sdp?: string }] }>
  implements OutgoingInvite
{
  readonly callId: string;
  readonly outcome: Promise<InviteOutcome>;
  readonly #clock: Clock;
  readonly #start: (flow: Flow) => OutgoingInvite;
  readonly #avoid: (flow: Flow) => void;
  readonly #cancelled = Promise.withResolvers<InviteOutcome>();
  #present: OutgoingInvite | undefined;
  #isCancelled = false;

  constructor(options: {
    callId: string;
    ways: Promise<Flow[]>;
    clock: Clock;
    /** Places the call over one flow. */
    start: (flow: Flow) => OutgoingInvite;
    /** Hears of a target that did not serve. */
    avoid: (flow: Flow) => void;
  }) {
    super();
    this.callId = options.callId;
    this.#clock = options.clock;
    this.#start = options.start;
    this.#avoid = options.avoid;
    this.outcome = Promise.race([this.#cancelled.promise, this.#try(options.ways)]);
  }

  cancel(reason?: string): void {
    this.#isCancelled = true;
    this.#present?.cancel(reason);
    this.#cancelled.resolve({ kind: 'cancelled' });
  }

  get earlyDialogs(): OutgoingInvite['earlyDialogs'] {
    return this.#present?.earlyDialogs ?? [];
  }

  kept(): KeptOutgoing | undefined {
    return this.#isCancelled ? undefined : this.#present?.kept();
  }

  async #try(asking: Promise<Flow[]>): Promise<InviteOutcome> {
    const ways = await asking;
    let outcome: InviteOutcome = { kind: 'unreachable', detail: 'the name leads nowhere' };
    for (const [i, flow] of ways.entries()) {
      if (this.#isCancelled) return { kind: 'cancelled' };
      outcome = await this.#tryOne(flow, i < ways.length - 1);
      const isServed = outcome.kind !== 'unreachable' && outcome.kind !== 'unanswered';
      if (this.#isCancelled || (isServed && !(outcome.kind === 'refused' && outcome.status === 503))) return outcome;
      this.#avoid(flow);
    }
    return outcome;
  }

  async #tryOne(flow: Flow, hasNext: boolean): Promise<InviteOutcome> {
    const call = this.#start(flow);
    this.#present = call;
    const silence = Promise.withResolvers<InviteOutcome>();
    const timer = hasNext
      ? this.#clock.after(NEXT_AFTER_MS, () => {
          // In this order: a cancelled call has an outcome at once, and the first of the two counts.
          silence.resolve({ kind: 'unanswered' });
          call.cancel('no-response');
        })
      : undefined;
    call.on('provisional', (provisional) => {
      timer?.cancel();
      this.emit('provisional', provisional);
    });
    const outcome = await Promise.race([call.outcome, silence.promise]);
    timer?.cancel();
    return outcome;
  }
}
