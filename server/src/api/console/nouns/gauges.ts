import type { NounDoor } from '../noun-door.ts';

export const gauges: NounDoor<'gauges'> = {
  noun: 'gauges',
  all: (desk) => desk.alarms.gauges(),
  watch(desk, changed) {
    desk.alarms.on('gauge-changed', changed);
  },
};
