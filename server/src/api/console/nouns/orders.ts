import { may } from '#directory/rights.ts';
import type { NounDoor } from '../noun-door.ts';

/** A desk is shown the newest; `GET /api/orders` has them all. */
const SHOWN = 50;

/** Orders down the ladder, and how far each of their people has been reached. */
export const orders: NounDoor<'orders'> = {
  noun: 'orders',
  all: (desk) => desk.orders.all().slice(0, SHOWN),
  watch(desk, changed) {
    desk.orders.on('changed', changed);
  },
  visible: (_order, session) => may(session, 'text'),
};
