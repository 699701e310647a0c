import { may } from '#directory/rights.ts';
import type { NounDoor } from '../noun-door.ts';

/** Who listens in where: for those alone who may do so themselves. */
export const supervisions: NounDoor<'supervisions'> = {
  noun: 'supervisions',
  all: (desk) => desk.supervisions.all().map((view) => ({ ...view })),
  watch(desk, changed) {
    desk.supervisions.on('changed', (view) => changed({ ...view }));
    desk.supervisions.on('removed', (removed) => changed({ removed }));
  },
  visible: (_view, session) => may(session, 'supervise'),
};
