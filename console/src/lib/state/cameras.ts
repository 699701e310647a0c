import { CAMERA_TROUBLES } from '@tocsin/protocol/views.ts';
import { t } from '#i18n/language.svelte.ts';
import { act } from './act.ts';
import { desk } from './desk.svelte.ts';

/** Asks for a camera's picture, for the case that the desk works on. Resolves with its feed, or undefined when it was refused. */
export async function openCamera(camera: string, incident = desk.incident): Promise<string | undefined> {
  const opened = await act({ do: 'camera.open', camera, ...(incident ? { incident } : {}) });
  return opened.ok ? (opened.value as { feed: string }).feed : undefined;
}

/** Why a camera gives no picture, and what can be done about it. */
export function troubleInWords(trouble: string): { title: string; text: string } {
  const known = CAMERA_TROUBLES.find((each) => each === trouble) ?? 'camera-silent';
  return t.video.troubles[known];
}
