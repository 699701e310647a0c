import type { NounDoor } from '../noun-door.ts';

export const channels: NounDoor<'channels'> = {
  noun: 'channels',
  all: (desk) => desk.conferences.channels().map((channel) => channel.view()),
  watch(desk, changed) {
    for (const channel of desk.conferences.channels()) channel.on('changed', () => changed(channel.view()));
  },
};
