import { t } from '#i18n/language.svelte.ts';
import { act } from './act.ts';

/** Keeps the next whole picture of a feed as evidence: by its hash on the timeline, in the case's record. */
export const keepPicture = (feed: string) => act({ do: 'video.snapshot', feed }, { done: t.video.snapshotTaken });
