import type { CommandOf } from '@tocsin/protocol/console.ts';
import { Aside } from '#calls/aside.ts';
import { BookedCalls, type BookedCall, type Bookings } from '#calls/booked-calls.ts';
import type { SipLeg } from '#calls/sip-leg.ts';
import type { Timer } from '#kernel/clock.ts';
import { Emitter } from '#kernel/emitter.ts';
import { DispatchError } from '#kernel/errors.ts';
import { callBoth } from './call-both.ts';
import type { Actor, Desk } from './desk.ts';

/** A call whose time came while the server was away is placed when it is back, up to so late. */
const LATE_AT_MOST_MS = 15 * 60_000;
/** Looked at again at least so often: a clock that is set must not hold a call back for long. */
const LOOK_AT_LEAST_EVERY_MS = 60_000;
/** Calls that wait; the next is refused with TOO_MANY_REQUESTS. */
const MOST_BOOKED = 1_000;

const BOOKED = {
  zh: (time: string) => `已预约，${time} 呼叫。`,
  en: (time: string) => `Booked. You will be called at ${time}.`,
};

/** Places booked calls at their time. */
export class BookingClerk
  extends Emitter<{ changed: [BookedCall]; removed: [id: string] }>
  implements Bookings, Disposable
{
  readonly #desk: Desk;
  readonly #booked: BookedCalls;
  /** What waits on disk, as the desks are told it. */
  readonly #waiting = new Map<string, BookedCall>();
  #timer?: Timer;
  #looking: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(desk: Desk) {
    super();
    this.#desk = desk;
    this.#booked = new BookedCalls(desk.store);
  }

  /** Closes what the last process has left half done, and begins to wait. */
  async begin(): Promise<void> {
    for (const booking of await this.#booked.closeInterrupted())
      this.#note('call.booking-ended', booking, { because: 'server-restarted' });
    for (const booking of await this.#booked.waiting()) this.#waits(booking);
    this.look();
  }

  async book(booking: BookedCall): Promise<void> {
    if (this.#waiting.size >= MOST_BOOKED) throw new DispatchError('TOO_MANY_REQUESTS');
    await this.#booked.book(booking);
    this.#waits(booking);
    this.#note('call.booked', booking, { at: new Date(booking.at).toISOString() }, booking.bookedBy);
    this.look();
  }

  all(): BookedCall[] {
    return [...this.#waiting.values()].sort((a, b) => a.at - b.at);
  }

  async cancel(id: string): Promise<void> {
    if (!(await this.#booked.cancel(id))) throw new DispatchError('NOT_FOUND', id);
    this.#waitsNoMore(id);
  }

  /** Places what is due, then sleeps until the next. With the database away it looks again later. */
  look(): void {
    this.#looking = this.#looking
      .then(() => this.#placeDue())
      .catch((error: unknown) => {
        this.#desk.log.warn('booked calls not looked at', { error });
        return LOOK_AT_LEAST_EVERY_MS;
      })
      .then((nextMs) => {
        this.#timer?.cancel();
        if (!this.#isClosed) this.#timer = this.#desk.clock.after(nextMs, () => this.look());
      });
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #waits(booking: BookedCall): void {
    this.#waiting.set(booking.id, booking);
    this.emit('changed', booking);
  }

  #waitsNoMore(id: string): void {
    if (this.#waiting.delete(id)) this.emit('removed', id);
  }

  /** Resolves with the time until it is to be looked again. */
  async #placeDue(): Promise<number> {
    const { clock } = this.#desk;
    for (const booking of await this.#booked.waiting()) {
      const inMs = booking.at - clock.now();
      if (inMs > 0) return Math.min(inMs, LOOK_AT_LEAST_EVERY_MS);
      if (!(await this.#booked.placing(booking.id, clock.now()))) continue;
      this.#waitsNoMore(booking.id);
      if (inMs < -LATE_AT_MOST_MS) await this.#ended(booking, 'too-late');
      else void this.#place(booking);
    }
    return LOOK_AT_LEAST_EVERY_MS;
  }

  async #place(booking: BookedCall): Promise<void> {
    this.#note('call.booking-due', booking, {});
    try {
      const outcome = await callBoth(booking.from, booking.to, `${booking.from} → ${booking.to}`, this.#desk);
      await this.#ended(booking, outcome.kind);
    } catch (error) {
      this.#desk.log.error('booked call failed', { booking: booking.id, error });
      await this.#ended(booking, 'failed');
    }
  }

  async #ended(booking: BookedCall, because: string): Promise<void> {
    this.#note('call.booking-ended', booking, { because });
    await this.#booked
      .ended(booking.id, because)
      .catch((error: unknown) => this.#desk.log.warn('end of a booked call not kept', { booking: booking.id, error }));
  }

  #note(kind: string, { id, from, to }: BookedCall, data: Record<string, unknown>, actor?: string): void {
    this.#desk.timeline
      .append({ kind, ...(actor ? { actor } : {}), data: { booking: id, from, to, ...data } })
      .catch((error: unknown) => this.#desk.log.error('timeline entry lost', { kind, error }));
  }
}

/** From the desk: calls the user's own phone, or the one named, at that time, and then the other. */
export async function bookCall({ from, to, at }: CommandOf<'call.book'>, actor: Actor, desk: Desk) {
  const first = from ?? actor.account;
  if (first === undefined) throw new DispatchError('ENDPOINT_UNREGISTERED', actor.name);
  if (at < desk.clock.now()) throw new DispatchError('REQUEST_MALFORMED', 'the time has passed');
  const booking = { id: desk.chance.id('booking'), from: first, to, at, bookedBy: actor.user };
  await desk.bookings.book(booking);
  return { booking: booking.id };
}

export async function cancelBooking({ booking }: CommandOf<'call.cancel-booking'>, actor: Actor, desk: Desk) {
  await desk.bookings.cancel(booking);
  await desk.timeline
    .append({ kind: 'call.booking-cancelled', actor: actor.user, data: { booking } })
    .catch((error: unknown) => desk.log.error('timeline entry lost', { error }));
}

/** A phone has dialled the code with HHMM and a number behind it: the next time that clock shows that. */
export async function bookForPhone(leg: SipLeg, rest: string, desk: Desk): Promise<void> {
  const wanted = /^([01]\d|2[0-3])([0-5]\d)([0-9+]{2,24})$/.exec(rest);
  if (!wanted) return await leg.refuse(404, 'unreachable');
  const [, hours, minutes, to] = wanted;
  const at = new Date(desk.clock.now());
  at.setHours(Number(hours), Number(minutes), 0, 0);
  if (at.getTime() <= desk.clock.now()) at.setDate(at.getDate() + 1);
  const from = leg.party.account!;
  await desk.bookings.book({ id: desk.chance.id('booking'), from, to: to!, at: at.getTime(), bookedBy: from });
  if (!(await leg.accept())) return;
  const { language } = desk.directory.site.features;
  {
    await using aside = await Aside.open(leg, desk.engine);
    await aside.say({ text: BOOKED[language](`${hours}:${minutes}`), language });
  }
  await leg.hangUp('callee-hung-up');
}
