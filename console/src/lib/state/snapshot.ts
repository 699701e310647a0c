import { clockTime } from '#i18n/format.ts';
import { t } from '#i18n/language.svelte.ts';
import { act } from './act.ts';
import { clock } from './clock.svelte.ts';
import { toasts } from './toasts.svelte.ts';

/** Saves what a video shows now as a picture file, and notes it in the incident. */
export async function takeSnapshot(video: HTMLVideoElement | undefined, who: string, incident?: string): Promise<void> {
  if (!video || video.videoWidth === 0) return;
  const canvas = document.createElement('canvas');
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext('2d')?.drawImage(video, 0, 0);
  const picture = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
  if (!picture) return;
  const link = document.createElement('a');
  link.href = URL.createObjectURL(picture);
  link.download = `${who} ${new Date(clock.exact()).toISOString().replace(/[:.]/g, '-')}.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  toasts.show({ kind: 'information', text: t.video.snapshotTaken });
  if (incident) {
    await act({ do: 'incident.mark', incident, text: t.video.snapshotMark(who, clockTime(clock.exact())) });
  }
}
