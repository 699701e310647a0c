/**
 * State glyphs: every state has its own outline, so that a list reads in grey. Shape first, colour second.
 * `tone` is the colour that goes with it when nothing else is asked for.
 */
export type Tone = 'idle' | 'blue' | 'green' | 'red' | 'yellow' | 'plain' | 'grey' | 'cyan' | 'violet';

export const GLYPHS = {
  idle: { tone: 'idle', drawing: '<circle cx="8" cy="8" r="5.25"/>' },
  queued: { tone: 'blue', drawing: '<circle cx="8" cy="8" r="5.25" stroke-dasharray="2.2 2.2"/>' },
  dialling: {
    tone: 'blue',
    drawing: '<circle cx="8" cy="8" r="5.25" stroke-dasharray="2.2 2.2"/><path d="M5 8h5.5M8.3 5.7L10.6 8l-2.3 2.3"/>',
  },
  ringing: {
    tone: 'blue',
    drawing:
      '<circle cx="8" cy="8" r="1.6" fill="currentColor" stroke="none"/><path d="M4.8 4.8a4.5 4.5 0 0 0 0 6.4M11.2 4.8a4.5 4.5 0 0 1 0 6.4M2.7 2.7a7.5 7.5 0 0 0 0 10.6M13.3 2.7a7.5 7.5 0 0 1 0 10.6"/>',
  },
  in: { tone: 'green', drawing: '<circle cx="8" cy="8" r="6" fill="currentColor" stroke="none"/>' },
  speaking: {
    tone: 'green',
    drawing: '<path d="M2.5 6v4M5.2 3.5v9M8 1.8v12.4M10.8 4.5v7M13.5 6.5v3" stroke-width="1.8"/>',
  },
  held: { tone: 'grey', drawing: '<circle cx="8" cy="8" r="6"/><path d="M6.3 5.5v5M9.7 5.5v5"/>' },
  failed: { tone: 'red', drawing: '<circle cx="8" cy="8" r="6"/><path d="M5.7 5.7l4.6 4.6M10.3 5.7l-4.6 4.6"/>' },
  unanswered: { tone: 'red', drawing: '<circle cx="8" cy="8" r="6"/><path d="M5 8h6"/>' },
  voicemail: {
    tone: 'yellow',
    drawing: '<circle cx="4.3" cy="8" r="2.8"/><circle cx="11.7" cy="8" r="2.8"/><path d="M4.3 10.8h7.4"/>',
  },
  left: { tone: 'idle', drawing: '<circle cx="8" cy="8" r="5.25"/><path d="M8 8h.1" stroke-width="2"/>' },
  done: { tone: 'plain', drawing: '<path d="M2.5 8.5l3.5 3.5 7.5-8" stroke-width="2"/>' },
  sent: { tone: 'blue', drawing: '<path d="M2.5 8h10M8.5 4l4 4-4 4"/>' },
  degraded: { tone: 'yellow', drawing: '<path d="M8 2l6.5 11.5h-13zM8 6.5v3.3M8 11.4v.6"/>' },
  busy: { tone: 'yellow', drawing: '<circle cx="8" cy="8" r="6"/><path d="M3.8 12.2l8.4-8.4"/>' },
  running: {
    tone: 'blue',
    drawing: '<circle cx="8" cy="8" r="6"/><path d="M6.3 5v6l4.7-3z" fill="currentColor" stroke="none"/>',
  },
  recording: {
    tone: 'grey',
    drawing: '<circle cx="8" cy="8" r="6"/><circle cx="8" cy="8" r="2.6" fill="currentColor" stroke="none"/>',
  },
  works: { tone: 'idle', drawing: '<path d="M4 4h8v8H4z" fill="currentColor" stroke="none"/>' },
  skipped: { tone: 'idle', drawing: '<path d="M3 4l5 4-5 4M9 4l5 4-5 4"/>' },
  away: { tone: 'idle', drawing: '<path d="M3.5 8h9" stroke-dasharray="2 2"/>' },
  down: { tone: 'red', drawing: '<path d="M3.5 3.5l9 9M12.5 3.5l-9 9"/>' },
  silent: { tone: 'idle', drawing: '<circle cx="8" cy="8" r="5.25" stroke-dasharray="2.2 2.2"/>' },
  muted: {
    tone: 'yellow',
    drawing: '<path d="M6 5V2.5h4v6H8.5M3.5 7.5v1c0 2 1.8 3.3 4.5 3.3M12.5 7.5v1M8 12v2.2M2 2l12 12"/>',
  },
} as const satisfies Record<string, { tone: Tone; drawing: string }>;
export type GlyphName = keyof typeof GLYPHS;
