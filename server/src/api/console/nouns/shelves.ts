import type { NounDoor } from '../noun-door.ts';

export const shelves: NounDoor<'shelves'> = {
  noun: 'shelves',
  all: (desk) => desk.alarms.shelves(),
  watch(desk, changed) {
    desk.alarms.on('shelves-changed', (source) => {
      const shelf = desk.alarms.shelves().find(({ id }) => id === source);
      changed(shelf ?? { removed: source });
    });
  },
};
