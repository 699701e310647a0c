import type { CommandOf } from '@tocsin/protocol/console.ts';
import { orderBurst, orderText, type Order } from '@tocsin/protocol/order-burst.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Actor, Desk } from './desk.ts';
import { peopleOf } from './targets.ts';

/**
 * Sends an order to people, each down the ladder: a phone of ours, a number outside, a short message, a satellite burst, until
 * he answers. Refused when it does not fit the narrowest form: an order is never cut.
 * @throws DispatchError TOO_LARGE, REQUEST_MALFORMED, DATABASE_UNAVAILABLE
 */
export async function sendOrder(command: CommandOf<'order.send'>, actor: Actor, desk: Desk) {
  const { level, action, where, words, targets } = command;
  const people = peopleOf(targets, desk.directory);
  if (people.length === 0) throw new DispatchError('REQUEST_MALFORMED', 'an order needs people');
  const order: Omit<Order, 'id' | 'at'> = { level, action, where, words };
  // Every number and every time is as long as another.
  const measured: Order = { ...order, id: 0, at: desk.clock.now() };
  for (const fitted of [orderText(measured), orderBurst(measured)])
    if (fitted.kind === 'too-long') throw new DispatchError('TOO_LARGE', `the order is too long by ${fitted.overBy}`);
  const { id, code } = await desk.orders.begin(order, people, actor.user);
  return { order: String(id), code };
}
