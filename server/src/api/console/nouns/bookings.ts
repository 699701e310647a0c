import type { NounDoor } from '../noun-door.ts';

/** Calls that wait for their time. */
export const bookings: NounDoor<'bookings'> = {
  noun: 'bookings',
  all: (desk) => desk.bookings.all(),
  watch(desk, changed) {
    desk.bookings.on('changed', changed);
    desk.bookings.on('removed', (removed) => changed({ removed }));
  },
};
