import { gsmOctets, isGsm } from './alphabet.ts';

/** Data codings we send (SMPP 3.4 §5.2.19). */
export const DATA_CODING = { gsm: 0, ucs2: 8 } as const;

/** The most octets that fit in one short message of each coding, alone and beside a concatenation header. */
const ROOM = { gsm: { alone: 160, joined: 153 }, ucs2: { alone: 140, joined: 134 } } as const;

/** A text can have no more parts than this (3GPP TS 23.040 §9.2.3.24.1 allows 255; networks give up earlier). */
const MAX_PARTS = 20;

export interface Segments {
  dataCoding: number;
  /** What goes into each `short_message`; with a user data header in front when there are several. */
  parts: Buffer[];
  /** The text's octets in one piece, for the `message_payload` parameter. */
  whole: Buffer;
}

/**
 * Cuts a text into short messages: GSM alphabet where every character has a place in it, else UCS-2. Neither an escape
 * pair nor a surrogate pair is ever cut in two.
 * @param reference 0-255, the same in all parts of one text and different between texts
 * @param alphabet `ascii` where the centre's plain alphabet is ASCII (CMPP): only a text that fits in one message goes in it
 * @throws RangeError when it would need more than 20 parts
 */
export function cutIntoSegments(text: string, reference: number, alphabet: 'gsm' | 'ascii' = 'gsm'): Segments {
  const isPlain = alphabet === 'gsm' ? isGsm(text) : text.length <= ROOM.gsm.alone && /^[\x20-\x7e\r\n]*$/.test(text);
  const room = isPlain ? ROOM.gsm : ROOM.ucs2;
  const plain = (character: string) => (alphabet === 'gsm' ? gsmOctets(character)! : Buffer.from(character, 'latin1'));
  const characters = [...text].map((character) => Buffer.from(isPlain ? plain(character) : utf16be(character)));
  const whole = Buffer.concat(characters);
  const dataCoding = isPlain ? DATA_CODING.gsm : DATA_CODING.ucs2;
  if (whole.length <= room.alone) return { dataCoding, parts: [whole], whole };

  const bodies: Buffer[][] = [[]];
  let used = 0;
  for (const character of characters) {
    if (used + character.length > room.joined) {
      bodies.push([]);
      used = 0;
    }
    bodies.at(-1)!.push(character);
    used += character.length;
  }
  if (bodies.length > MAX_PARTS)
    throw new RangeError(`the text needs ${bodies.length} parts; at most ${MAX_PARTS} are sent`);
  const parts = bodies.map((body, index) =>
    // Concatenated short messages, 8-bit reference: 3GPP TS 23.040 §9.2.3.24.1.
    Buffer.concat([Buffer.from([5, 0, 3, reference & 0xff, bodies.length, index + 1]), ...body]),
  );
  return { dataCoding, parts, whole };
}

/** Takes the user data header off a short message; tolerant of headers that lie about their length. */
export function readUserDataHeader(octets: Buffer): {
  body: Buffer;
  joined?: { reference: number; total: number; index: number };
} {
  const headerLength = (octets[0] ?? 0) + 1;
  if (octets.length === 0 || headerLength > octets.length) return { body: octets };
  const body = octets.subarray(headerLength);
  for (let at = 1; at + 1 < headerLength; at += 2 + octets[at + 1]!) {
    const [tag, length] = [octets[at]!, octets[at + 1]!];
    if (at + 2 + length > headerLength) break;
    if (tag === 0 && length === 3)
      return { body, joined: { reference: octets[at + 2]!, total: octets[at + 3]!, index: octets[at + 4]! } };
    if (tag === 8 && length === 4)
      return {
        body,
        joined: { reference: octets.readUInt16BE(at + 2), total: octets[at + 4]!, index: octets[at + 5]! },
      };
  }
  return { body };
}

function utf16be(character: string): Buffer {
  return Buffer.from(character, 'utf16le').swap16();
}
