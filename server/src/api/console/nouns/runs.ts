import type { NounDoor } from '../noun-door.ts';

/** Runs that ended stay with the console that saw them; a new console gets those that are going on. */
export const runs: NounDoor<'runs'> = {
  noun: 'runs',
  all: (desk) => desk.runs.current(),
  watch(desk, changed) {
    desk.runs.on('changed', changed);
    desk.runs.on('ended', changed);
  },
};
