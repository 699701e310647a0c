import type { NounDoor } from '../noun-door.ts';

export const conferences: NounDoor<'conferences'> = {
  noun: 'conferences',
  all: (desk) => desk.conferences.all().map((conference) => conference.view()),
  watch(desk, changed) {
    desk.conferences.on('changed', (conference) => changed(conference.view()));
    desk.conferences.on('removed', (removed) => changed({ removed }));
  },
};
