import type { NounDoor } from '../noun-door.ts';

export const trunks: NounDoor<'trunks'> = {
  noun: 'trunks',
  all: (desk) => desk.trunks.all(),
  watch(desk, changed) {
    desk.trunks.on('changed', (id) => changed(desk.trunks.view(id)));
  },
};
