import type { NounDoor } from '../noun-door.ts';

export const calls: NounDoor<'calls'> = {
  noun: 'calls',
  all: (desk) => desk.calls.all().map((call) => ({ ...call.view })),
  watch(desk, changed) {
    desk.calls.on('changed', (call) => changed({ ...call.view }));
    desk.calls.on('removed', (removed) => changed({ removed }));
  },
};
