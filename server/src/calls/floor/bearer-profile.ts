import type { Bearer } from '@tocsin/protocol/common.ts';

/** How a bearer behaves when one talks on it. All times in milliseconds. */
export interface BearerProfile {
  /** From the key to a carrier that carries speech: what is said meanwhile waits and is not lost. */
  keyUpMs: number;
  /** After the release, what still comes is sent for so long: the last syllable is on its way. */
  tailMs: number;
  /** After a transmission the channel stays keyed up for an answer for so long (hang time): no key-up within it. */
  hangMs: number;
  /** Longest time one talker may hold the floor, so that a stuck key does not block the channel. */
  talkLimitMs: number;
  /** The talker is warned so long before the limit. */
  warnBeforeMs: number;
  /** From the gateway to the ear in the field, about; shown to whoever talks. */
  oneWayDelayMs: number;
}

const WIRED: BearerProfile = {
  keyUpMs: 0,
  tailMs: 200,
  hangMs: 0,
  talkLimitMs: 60_000,
  warnBeforeMs: 10_000,
  oneWayDelayMs: 20,
};

/**
 * A profile for each bearer. The figures are those that equipment of the kind is set up with in practice; a site that
 * has measured its own says so in its channel (`floor`).
 */
export const BEARER_PROFILES: Record<Bearer, BearerProfile> = {
  ip: WIRED,
  fibre: WIRED,
  microwave: WIRED,
  pstn: { ...WIRED, oneWayDelayMs: 80 },
  'public-network': { ...WIRED, oneWayDelayMs: 150 },
  // A transmitter's rise and the receiver's squelch.
  'vhf-uhf': { ...WIRED, keyUpMs: 120, hangMs: 0, oneWayDelayMs: 60 },
  // The set-up of a group call; the traffic channel is kept for the answer.
  trunked: { ...WIRED, keyUpMs: 350, hangMs: 4000, oneWayDelayMs: 250 },
  // Power amplifier and antenna tuner are slow, the receiver's voice gate closes late.
  hf: { ...WIRED, keyUpMs: 400, tailMs: 300, hangMs: 0, oneWayDelayMs: 120 },
  // The path alone takes a geostationary hop; half-duplex talk needs the hang time for the answer to come.
  satellite: { ...WIRED, keyUpMs: 100, tailMs: 400, hangMs: 2500, oneWayDelayMs: 600 },
};

/** The profile of a channel: its bearer's, with what the site has measured itself. */
export function profileOf(channel: { bearer: Bearer; floor?: Partial<BearerProfile> | undefined }): BearerProfile {
  const own = Object.entries(channel.floor ?? {}).filter(([, value]) => value !== undefined);
  return { ...BEARER_PROFILES[channel.bearer], ...Object.fromEntries(own) };
}
