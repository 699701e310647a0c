import type { ThreadView } from '@tocsin/protocol/views.ts';
import { may } from '#directory/rights.ts';
import type { Thread } from '#messages/threads.ts';
import type { NounDoor } from '../noun-door.ts';

/** What citizens write is for those who may answer it. */
export const threads: NounDoor<'threads'> = {
  noun: 'threads',
  all: (desk) => desk.threads.all().map(viewOf),
  watch(desk, changed) {
    desk.threads.on('changed', (thread) => changed(viewOf(thread)));
    desk.threads.on('gone', (thread) => changed({ removed: thread }));
  },
  visible: (_thread, session) => may(session, 'text'),
};

function viewOf({ thread, number, person, owner, state, at, texts }: Thread): ThreadView {
  return {
    id: thread,
    number,
    ...(person ? { person } : {}),
    ...(owner ? { owner } : {}),
    state: state === 'answered' ? 'answered' : 'waiting',
    at,
    texts: texts.map(({ state: how, actor, ...text }) => ({
      ...text,
      ...(how ? { state: how as NonNullable<ThreadView['texts'][number]['state']> } : {}),
      ...(actor ? { by: actor } : {}),
    })),
  };
}
