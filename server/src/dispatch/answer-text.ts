import type { CommandOf } from '@tocsin/protocol/console.ts';
import type { Actor, Desk } from './desk.ts';

/** Answers a conversation; the reply goes to the phone that wrote. */
export async function replyToThread({ thread, text }: CommandOf<'thread.reply'>, actor: Actor, desk: Desk) {
  return await desk.threads.reply(thread, text, actor.user);
}

export async function takeThread({ thread }: CommandOf<'thread.take'>, actor: Actor, desk: Desk) {
  await desk.threads.take(thread, actor.user);
}

export async function closeThread({ thread }: CommandOf<'thread.close'>, actor: Actor, desk: Desk) {
  await desk.threads.close(thread, actor.user);
}
