import type { NounDoor } from '../noun-door.ts';

export const alarms: NounDoor<'alarms'> = {
  noun: 'alarms',
  all: (desk) => desk.alarms.open(),
  watch(desk, changed) {
    desk.alarms.on('raised', changed);
    desk.alarms.on('changed', changed);
    desk.alarms.on('removed', (removed) => changed({ removed }));
  },
};
