import type { NounDoor } from '../noun-door.ts';

export const incidents: NounDoor<'incidents'> = {
  noun: 'incidents',
  all: (desk) => desk.incidents.current(),
  watch(desk, changed) {
    desk.incidents.on('changed', changed);
    desk.incidents.on('opened', changed);
    desk.incidents.on('closed', changed);
  },
};
