import { t } from '#i18n/language.svelte.ts';
import { clock } from './clock.svelte.ts';
import { ptt } from './ptt.svelte.ts';
import { mergeEntries, readTimeline } from './timeline-door.ts';
import { toasts } from './toasts.svelte.ts';

/** How far back "the last on this channel" may lie. */
const LOOK_BACK_MS = 3_600_000;
const PLAYED_FROM_END_S = 30;

let player: HTMLAudioElement | undefined;

/**
 * Key R: the last 30 seconds of the chosen channel, once more into the headset, while the channel goes on; of a channel that
 * nobody listens to, what was recorded last.
 */
export async function replayChannel(): Promise<void> {
  const channel = ptt.channel;
  if (channel && (await recall(channel))) return;
  const entries = await readTimeline({
    from: Math.floor(clock.exact() - LOOK_BACK_MS),
    kind: 'channel.',
    order: 'newest-first',
    limit: 200,
  });
  const last = mergeEntries(entries).find(
    (entry) => entry.data['channel'] === channel && entry.blobs.some(({ kind }) => kind === 'audio'),
  );
  const blob = last?.blobs.find(({ kind }) => kind === 'audio');
  if (!blob) {
    toasts.show({ kind: 'information', text: t.phone.nothingToReplay });
    return;
  }
  player ??= new Audio();
  player.src = blob.url;
  player.onloadedmetadata = () => {
    if (player && Number.isFinite(player.duration))
      player.currentTime = Math.max(0, player.duration - PLAYED_FROM_END_S);
  };
  await player.play().catch(() => undefined);
}

/** False: the channel is not recorded now. */
async function recall(channel: string): Promise<boolean> {
  const answer = await fetch(`/api/channels/${channel}/recall`).catch(() => undefined);
  if (!answer?.ok) return false;
  player ??= new Audio();
  const url = URL.createObjectURL(await answer.blob());
  player.onloadedmetadata = null;
  player.onended = () => URL.revokeObjectURL(url);
  player.src = url;
  await player.play().catch(() => undefined);
  return true;
}
