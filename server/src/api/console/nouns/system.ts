import type { NounDoor } from '../noun-door.ts';

export const system: NounDoor<'system'> = {
  noun: 'system',
  all: (desk) => [desk.system.view()],
  watch(desk, changed) {
    desk.system.on('changed', () => changed(desk.system.view()));
  },
};
