import type { CommandOf } from '@tocsin/protocol/console.ts';
import { noteSoon } from '#timeline/note-soon.ts';
import type { Actor, Desk } from './desk.ts';

/** Raises the house to emergency, or takes it back to peace time. */
export async function setMode({ mode }: CommandOf<'mode.set'>, actor: Actor, desk: Desk) {
  await noteSoon({ kind: 'system.mode-set', actor: actor.user, data: { mode } }, desk);
  desk.system.setMode(mode);
}
