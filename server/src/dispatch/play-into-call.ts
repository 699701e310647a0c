import { join } from 'node:path';
import type { CommandOf } from '@tocsin/protocol/console.ts';
import type { Right } from '@tocsin/protocol/directory.ts';
import { DispatchError } from '#kernel/errors.ts';
import { findWav } from './find-recording.ts';
import type { Actor, Desk } from './desk.ts';

type Play = CommandOf<'call.play'>;

/** Older recordings are heard by those only who may replay them. */
export function rightToPlay({ sound }: Play): Right {
  return 'recording' in sound ? 'replay' : 'call';
}

/**
 * Plays into a talk: an answer that callers often want, words, an older recording. Returns when it has begun.
 * @throws DispatchError CALL_STATE when nobody talks, PARTICIPANT_UNKNOWN, NOT_FOUND, SPEECH_UNAVAILABLE
 */
export async function playIntoCall({ call: id, sound, to }: Play, actor: Actor, desk: Desk): Promise<void> {
  const call = desk.calls.get(id);
  const { bridge } = call;
  if (!bridge || bridge.isOver) throw new DispatchError('CALL_STATE', id);
  const listener = to === undefined ? undefined : bridge.legs().find(({ party }) => party.number === to);
  if (to !== undefined && !listener) throw new DispatchError('PARTICIPANT_UNKNOWN', to);
  const path = await fileOf(sound, desk);
  desk.calls.note(call, 'call.playing', { ...sound, ...(to ? { to } : {}) }, actor.user);
  bridge.play({ kind: 'file', path }, listener ? { to: listener } : {}).then(
    (how) => desk.calls.note(call, 'call.played', { how, ...(to ? { to } : {}) }),
    (error: unknown) => desk.log.error('nothing played into a call', { callId: id, error }),
  );
}

/** Ends what is played: both talk again. */
export async function stopPlayingIntoCall({ call: id }: CommandOf<'call.stop-playing'>, _actor: Actor, desk: Desk) {
  await desk.calls.get(id).bridge?.stopPlaying();
}

async function fileOf(sound: Play['sound'], desk: Desk): Promise<string> {
  if ('recording' in sound) return await findWav(sound.recording, desk);
  if ('say' in sound) return (await desk.engine.speak({ text: sound.say, language: sound.language })).file;
  const answer = desk.directory.site.features.answers.find(({ id }) => id === sound.answer);
  if (answer?.file) return join(desk.siteFolder, answer.file);
  if (answer?.text) return (await desk.engine.speak({ text: answer.text, language: answer.language })).file;
  throw new DispatchError('NOT_FOUND', sound.answer);
}
