import type { NounDoor } from '../noun-door.ts';

export const devices: NounDoor<'devices'> = {
  noun: 'devices',
  all: (desk) => desk.alarms.devices(),
  watch(desk, changed) {
    desk.alarms.on('device-changed', changed);
  },
};
