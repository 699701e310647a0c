import type { PlaybackSource } from '#media/playback.ts';

/** The tones that the exchange itself makes, as telephones in China do: 450 Hz in different cadences (GB 3380). */
export const TONES = {
  dial: { kind: 'tone', hz: [450], levelDb: -16 },
  ringing: { kind: 'tone', hz: [450], onMs: 1000, offMs: 4000, levelDb: -16 },
  busy: { kind: 'tone', hz: [450], onMs: 350, offMs: 350, levelDb: -16 },
  /** Somebody waits: for one who talks. */
  waiting: { kind: 'tone', hz: [450], onMs: 400, levelDb: -16 },
  /** Done. */
  done: { kind: 'tone', hz: [880], onMs: 120, levelDb: -16 },
  /** The talk ends soon. */
  warning: { kind: 'tone', hz: [1400], onMs: 250, levelDb: -13 },
} as const satisfies Record<string, PlaybackSource>;
