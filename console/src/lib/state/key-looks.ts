import type { ChannelView, PresenceView, ZoneView } from '@tocsin/protocol/views.ts';
import type { GlyphName, Tone } from '#ui/icons/glyphs.ts';

export interface KeyLook {
  glyph: GlyphName;
  tone?: Tone;
  look: 'plain' | 'in' | 'under-way' | 'failed' | 'warning' | 'off' | 'on-air';
}

const PERSON: Record<PresenceView['state'], KeyLook> = {
  idle: { glyph: 'idle', look: 'plain' },
  dialling: { glyph: 'dialling', look: 'under-way' },
  ringing: { glyph: 'ringing', look: 'under-way' },
  in: { glyph: 'in', look: 'in' },
  speaking: { glyph: 'speaking', look: 'in' },
  held: { glyph: 'held', look: 'in' },
  busy: { glyph: 'busy', look: 'plain', tone: 'grey' },
  unanswered: { glyph: 'unanswered', look: 'failed' },
  refused: { glyph: 'failed', look: 'failed' },
  away: { glyph: 'away', look: 'off' },
  unregistered: { glyph: 'away', look: 'off' },
};

/** A person's key: colour and shape of what he does now. */
export function personLook(presence: PresenceView | undefined): KeyLook {
  return PERSON[presence?.state ?? 'idle'];
}

/** A channel's key. Cyan only when it is this seat that is on air. */
export function channelLook(channel: ChannelView | undefined, me: string | undefined): KeyLook {
  switch (channel?.state) {
    case 'transmitting':
      return channel.holder !== undefined && channel.holder === me
        ? { glyph: 'speaking', look: 'on-air' }
        : { glyph: 'speaking', look: 'in' };
    case 'receiving':
      return { glyph: 'speaking', look: 'in' };
    case 'down':
      return { glyph: 'failed', look: 'failed' };
    case 'idle':
      return channel.conference ? { glyph: 'in', look: 'in' } : { glyph: 'idle', look: 'plain' };
    case 'unknown':
    case undefined:
      return { glyph: 'silent', look: 'plain' };
  }
}

export function zoneLook(zone: ZoneView | undefined): KeyLook {
  switch (zone?.state) {
    case 'playing':
      return zone.hornsPlaying !== undefined && zone.hornsPlaying < zone.hornsTotal
        ? { glyph: 'degraded', look: 'warning' }
        : { glyph: 'speaking', look: 'in' };
    case 'part-silent':
      return { glyph: 'degraded', look: 'warning' };
    case 'down':
      return { glyph: 'failed', look: 'failed' };
    case 'idle':
      return { glyph: 'idle', look: 'plain' };
    case 'unknown':
    case undefined:
      return { glyph: 'silent', look: 'plain' };
  }
}
