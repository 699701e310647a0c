/**
 * USRP over UDP, as radio bridges (AllStarLink's chan_usrp, DVSwitch) speak it: a header of 32 bytes and, for voice, 160
 * samples of 16-bit PCM at 8 kHz.
 */

export const USRP_HEADER_BYTES = 32;
export const USRP_SAMPLES = 160;
/** Longest datagram that is read. */
const LONGEST_BYTES = 2048;

/** What a packet is; the numbers are the wire's. */
export const USRP_TYPE = { voice: 0, dtmf: 1, text: 2, ping: 3, tlv: 4 } as const;

/** TLV tag of a text packet that carries who is speaking (DVSwitch SET_INFO). */
const TLV_SET_INFO = 8;

export interface UsrpPacket {
  sequence: number;
  isKeyed: boolean;
  talkgroup: number;
  type: number;
  /** Behind the header. */
  body: Buffer;
}

/** Reads a packet; undefined when it is none. Integers are big-endian; a `type` written little-endian is understood. */
export function readUsrp(datagram: Buffer): UsrpPacket | undefined {
  if (datagram.length < USRP_HEADER_BYTES || datagram.length > LONGEST_BYTES) return undefined;
  if (datagram.toString('latin1', 0, 4) !== 'USRP') return undefined;
  const typeBig = datagram.readUInt32BE(20);
  const type = typeBig > 0xffff ? datagram.readUInt32LE(20) : typeBig;
  return {
    sequence: datagram.readUInt32BE(4),
    isKeyed: datagram.readUInt32BE(12) !== 0,
    talkgroup: datagram.readUInt32BE(16),
    type,
    body: datagram.subarray(USRP_HEADER_BYTES),
  };
}

/** Writes a packet. */
export function writeUsrp(packet: {
  sequence: number;
  isKeyed: boolean;
  type?: number;
  talkgroup?: number;
  body?: Uint8Array;
}): Buffer {
  const { sequence, isKeyed, type = USRP_TYPE.voice, talkgroup = 0, body = new Uint8Array(0) } = packet;
  const datagram = Buffer.alloc(USRP_HEADER_BYTES + body.length);
  datagram.write('USRP', 'latin1');
  datagram.writeUInt32BE(sequence >>> 0, 4);
  datagram.writeUInt32BE(isKeyed ? 1 : 0, 12);
  datagram.writeUInt32BE(talkgroup >>> 0, 16);
  datagram.writeUInt32BE(type, 20);
  datagram.set(body, USRP_HEADER_BYTES);
  return datagram;
}

/** A voice packet's samples; undefined when it carries none. They travel little-endian. */
export function readUsrpSamples(body: Buffer): Int16Array | undefined {
  if (body.length < 2) return undefined;
  const count = Math.min(USRP_SAMPLES * 4, body.length >> 1);
  return Int16Array.from({ length: count }, (_, index) => body.readInt16LE(index * 2));
}

export function writeUsrpSamples(samples: Int16Array): Buffer {
  const body = Buffer.alloc(samples.length * 2);
  for (let index = 0; index < samples.length; index++) body.writeInt16LE(samples[index]!, index * 2);
  return body;
}

/** Who speaks, from a text packet: SET_INFO's call sign or radio id, or plain text. Undefined when it says neither. */
export function readTalker(body: Buffer): string | undefined {
  if (body[0] === TLV_SET_INFO && body.length >= 5) {
    const callSign = printable(body.toString('utf8', 14).split('\0')[0] ?? '');
    const radioId = body.readUIntBE(2, 3);
    return callSign || (radioId > 0 ? String(radioId) : undefined);
  }
  const text = body.toString('utf8').split('\0')[0] ?? '';
  // Text that looks like structured status is for the bridge's own screen, not a name.
  if (/^INFO|^[{[]/.test(text)) return undefined;
  return printable(text) || undefined;
}

/** SET_INFO with a radio id and a call sign; as UTF-8, which is ASCII for the call signs of amateur bridges. */
export function writeTalker(radioId: number, callSign: string): Buffer {
  const name = Buffer.from(`${callSign.slice(0, 40)}\0`);
  const body = Buffer.alloc(14 + name.length);
  body[0] = TLV_SET_INFO;
  body[1] = body.length - 2;
  body.writeUIntBE(radioId & 0xffffff, 2, 3);
  body.set(name, 14);
  return body;
}

function printable(text: string): string {
  return text
    .replace(/[^\p{L}\p{N} ._/-]/gu, '')
    .trim()
    .slice(0, 80);
}
