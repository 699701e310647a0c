/**
 * The RTP header extension of EUROCAE ED-137 for radio, as it stands in ED-137A, B and C ("Interoperability Standards for
 * VoIP ATM Components", volume 1: Radio): sixteen bits that are always there, then features as type, length and value.
 * The extension of ED-137 of 2009 is read as well; it differs in its signature and its places.
 */

/** What stands in "defined by profile" of RFC 3550 §5.3.1. */
export const ED137_SIGNATURE = { of2009: 0x0067, current: 0x0167 } as const;

/** PTT type, three bits. */
export const PTT = { off: 0, normal: 1, coupling: 2, priority: 3, emergency: 4, test: 5 } as const;
export type PttType = (typeof PTT)[keyof typeof PTT];

/** Feature types that we know: signal quality information. */
const FEATURE_SQI = 1;
/** Methods of signal quality: the received level. */
const SQI_BY_RSSI = 0;
/** Highest index by the RSSI method: better than -70 dBm; 0 is below -100 dBm. */
const SQI_RSSI_HIGHEST = 15;

export interface Ed137Signals {
  ptt: PttType;
  /** Aircraft call indication: the receiver hears someone. */
  isSquelchOpen: boolean;
  /** Whose key it is, 0-63; at a receiver: who is transmitting. */
  pttId: number;
  /** The receiver is muted while its transmitter is keyed. */
  isPttMuted?: boolean;
  /** Several keys at once. */
  isPttSummed?: boolean;
  /** Simultaneous transmissions of the field were detected. */
  hasSimultaneousCalls?: boolean;
  /** Level of the received signal in dBm, between -100 and -70, where it is told. */
  rssiDbm?: number;
}

/** Whole words of 32 bits behind the four bytes of the extension's head. */
export function writeEd137(signals: Ed137Signals): Uint8Array {
  const { ptt, isSquelchOpen, pttId, rssiDbm } = signals;
  const hasFeatures = rssiDbm !== undefined;
  const fixed =
    (ptt << 13) |
    (isSquelchOpen ? 0x1000 : 0) |
    ((pttId & 0x3f) << 6) |
    (signals.isPttMuted ? 0x20 : 0) |
    (signals.isPttSummed ? 0x10 : 0) |
    (signals.hasSimultaneousCalls ? 0x08 : 0) |
    (hasFeatures ? 1 : 0);
  const words = new Uint8Array(4);
  words[0] = fixed >> 8;
  words[1] = fixed & 0xff;
  if (rssiDbm !== undefined) {
    words[2] = (FEATURE_SQI << 4) | 1;
    words[3] = (indexOf(rssiDbm) << 3) | SQI_BY_RSSI;
  }
  return words;
}

/** Reads an extension; undefined when it is none of ED-137's or cut short. Unknown features are passed over. */
export function readEd137(signature: number, words: Uint8Array): Ed137Signals | undefined {
  if (words.length < 4) return undefined;
  const fixed = (words[0]! << 8) | words[1]!;
  const ptt = (fixed >> 13) as PttType;
  const isSquelchOpen = (fixed & 0x1000) !== 0;
  if (signature === ED137_SIGNATURE.of2009) return { ptt, isSquelchOpen, pttId: (fixed >> 8) & 0x0f };
  if (signature !== ED137_SIGNATURE.current) return undefined;
  const rssiDbm = fixed & 1 ? rssiOf(words) : undefined;
  return {
    ptt,
    isSquelchOpen,
    pttId: (fixed >> 6) & 0x3f,
    isPttMuted: (fixed & 0x20) !== 0,
    isPttSummed: (fixed & 0x10) !== 0,
    hasSimultaneousCalls: (fixed & 0x08) !== 0,
    ...(rssiDbm === undefined ? {} : { rssiDbm }),
  };
}

function rssiOf(words: Uint8Array): number | undefined {
  for (let at = 2; at < words.length;) {
    const type = words[at]! >> 4;
    const length = words[at]! & 0x0f;
    // A zero is the padding behind the last feature.
    if (words[at] === 0) return undefined;
    if (type === FEATURE_SQI && length >= 1 && at + 1 < words.length) {
      const value = words[at + 1]!;
      return (value & 0x07) === SQI_BY_RSSI ? dbmOf(value >> 3) : undefined;
    }
    at += 1 + length;
  }
  return undefined;
}

/** RSSI index to dBm: sixteen steps between -100 and -70 dBm. */
function dbmOf(index: number): number {
  return -100 + (Math.min(index, SQI_RSSI_HIGHEST) * 30) / (SQI_RSSI_HIGHEST - 1);
}

function indexOf(dbm: number): number {
  return Math.max(0, Math.min(SQI_RSSI_HIGHEST, Math.round(((dbm + 100) * (SQI_RSSI_HIGHEST - 1)) / 30)));
}

/** The extension of an RTP packet: what its profile says it is, and its words. Undefined: it has none, or it is cut short. */
export function extensionOf(packet: Uint8Array): { signature: number; words: Uint8Array } | undefined {
  if (packet.length < 16 || packet[0]! >> 6 !== 2 || (packet[0]! & 0x10) === 0) return undefined;
  const at = 12 + (packet[0]! & 0x0f) * 4;
  if (at + 4 > packet.length) return undefined;
  const signature = (packet[at]! << 8) | packet[at + 1]!;
  const length = ((packet[at + 2]! << 8) | packet[at + 3]!) * 4;
  if (at + 4 + length > packet.length) return undefined;
  return { signature, words: packet.subarray(at + 4, at + 4 + length) };
}

/** Puts the extension into an RTP packet that has none and no CSRCs (RFC 3550 §5.3.1). */
export function withEd137(packet: Uint8Array, signals: Ed137Signals): Uint8Array {
  const words = writeEd137(signals);
  const whole = new Uint8Array(packet.length + 4 + words.length);
  whole.set(packet.subarray(0, 12));
  whole[0]! |= 0x10;
  whole[12] = ED137_SIGNATURE.current >> 8;
  whole[13] = ED137_SIGNATURE.current & 0xff;
  whole[15] = words.length / 4;
  whole.set(words, 16);
  whole.set(packet.subarray(12), 16 + words.length);
  return whole;
}
