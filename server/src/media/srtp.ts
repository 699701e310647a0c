import { createCipheriv, createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { CounterCipher } from './counter-cipher.ts';
import { readUint32, writeUint32 } from './rtp.ts';

/**
 * Secure RTP and RTCP (RFC 3711) with the two suites of RFC 4568 that every phone has: AES in counter mode, HMAC-SHA1.
 * Without MKI and with one key for all of a call, as SDES gives it.
 */
export type SrtpSuite = 'AES_CM_128_HMAC_SHA1_80' | 'AES_CM_128_HMAC_SHA1_32';

/** Bytes of a master key with its salt, as an a=crypto line carries them. */
export const MASTER_BYTES = 30;
/** By so much a packet grows at most: tag, and for RTCP the index. */
export const SRTP_OVERHEAD_BYTES = 14;

const KEY_BYTES = 16;
const RTCP_TAG_BYTES = 10; // With both suites (RFC 4568 §6.2.2).
const TAG_BYTES: Record<SrtpSuite, number> = { AES_CM_128_HMAC_SHA1_80: 10, AES_CM_128_HMAC_SHA1_32: 4 };
/** Packets of which each is taken once; what is older is refused (RFC 3711 §3.3.2 asks for at least 64). */
const REPLAY_WINDOW = 128;
/** SSRCs that one far end may use at a time; beyond, the one that came first is forgotten. */
const STREAMS = 4;
/** RFC 3711 §4.3.1. */
const LABEL = { cipher: 0, auth: 1, salt: 2, rtcpCipher: 3, rtcpAuth: 4, rtcpSalt: 5 } as const;

/** One of the keys that a master key stands for (RFC 3711 §4.3, key derivation rate 0). */
export function deriveKey(master: Uint8Array, label: number, bytes: number): Uint8Array {
  const start = new Uint8Array(16);
  start.set(master.subarray(KEY_BYTES, MASTER_BYTES));
  start[7]! ^= label;
  const cipher = createCipheriv('aes-128-ctr', master.subarray(0, KEY_BYTES), start);
  return Uint8Array.from(cipher.update(new Uint8Array(bytes)));
}

/** The keys of one direction. */
class SessionKeys {
  readonly cipher: CounterCipher;
  readonly rtcpCipher: CounterCipher;
  readonly tagBytes: number;
  readonly #auth: KeyObject;
  readonly #rtcpAuth: KeyObject;

  constructor(suite: SrtpSuite, master: Uint8Array) {
    if (master.length !== MASTER_BYTES) throw new Error(`a master key has ${MASTER_BYTES} bytes, not ${master.length}`);
    const derive = (label: number, bytes: number) => deriveKey(master, label, bytes);
    this.tagBytes = TAG_BYTES[suite];
    this.cipher = new CounterCipher(derive(LABEL.cipher, 16), derive(LABEL.salt, 14));
    this.rtcpCipher = new CounterCipher(derive(LABEL.rtcpCipher, 16), derive(LABEL.rtcpSalt, 14));
    this.#auth = createSecretKey(derive(LABEL.auth, 20));
    this.#rtcpAuth = createSecretKey(derive(LABEL.rtcpAuth, 20));
  }

  /** The tag of RTP: over the packet, followed by the rollover counter that nobody sends. Overwrites four bytes past `length`. */
  tag(packet: Uint8Array, length: number, rollovers: number): Uint8Array {
    writeUint32(packet, length, rollovers >>> 0);
    return createHmac('sha1', this.#auth)
      .update(packet.subarray(0, length + 4))
      .digest();
  }

  rtcpTag(packet: Uint8Array, length: number): Uint8Array {
    return createHmac('sha1', this.#rtcpAuth).update(packet.subarray(0, length)).digest();
  }
}

/** What we send: encrypts in place. One SSRC, whose sequence numbers follow on each other. */
export class SrtpSender {
  readonly #keys: SessionKeys;
  #rollovers = 0;
  #last = -1;
  #rtcpIndex = 0;

  constructor(suite: SrtpSuite, master: Uint8Array) {
    this.#keys = new SessionKeys(suite, master);
  }

  /** @param payloadStart where the payload begins; the buffer has room for `SRTP_OVERHEAD_BYTES` more. @returns the new length */
  protect(packet: Uint8Array, payloadStart: number, length: number): number {
    const { cipher, tagBytes } = this.#keys;
    const sequence = (packet[2]! << 8) | packet[3]!;
    if (sequence < this.#last) this.#rollovers += 1;
    this.#last = sequence;
    cipher.apply(packet, payloadStart, length, readUint32(packet, 8), this.#rollovers * 0x10000 + sequence);
    const tag = this.#keys.tag(packet, length, this.#rollovers);
    for (let i = 0; i < tagBytes; i += 1) packet[length + i] = tag[i]!;
    return length + tagBytes;
  }

  /** The same for a compound RTCP packet. */
  protectRtcp(packet: Uint8Array, length: number): number {
    this.#rtcpIndex = (this.#rtcpIndex + 1) & 0x7fff_ffff;
    this.#keys.rtcpCipher.apply(packet, 8, length, readUint32(packet, 4), this.#rtcpIndex);
    writeUint32(packet, length, (0x8000_0000 | this.#rtcpIndex) >>> 0);
    const tag = this.#keys.rtcpTag(packet, length + 4);
    for (let i = 0; i < RTCP_TAG_BYTES; i += 1) packet[length + 4 + i] = tag[i]!;
    return length + 4 + RTCP_TAG_BYTES;
  }
}

/** Where one SSRC of the far end stands. */
interface Stream {
  ssrc: number;
  rollovers: number;
  highest: number;
  /** At each place the last index that came there. */
  seen: Float64Array;
}

/** What we receive: checks, then decrypts in place. Nothing changes here by a packet that is not the far end's. */
export class SrtpReceiver {
  readonly #keys: SessionKeys;
  readonly #streams: Stream[] = [];
  readonly #rtcpSeen = new Float64Array(REPLAY_WINDOW).fill(-1);
  #rtcpHighest = -1;

  constructor(suite: SrtpSuite, master: Uint8Array) {
    this.#keys = new SessionKeys(suite, master);
  }

  /** @returns the length without its tag; -1 for a packet that is forged, played again, or none at all */
  unprotect(packet: Uint8Array, length: number): number {
    const { cipher, tagBytes } = this.#keys;
    const end = length - tagBytes;
    const start = payloadStart(packet, end);
    if (start < 0) return -1;
    const sequence = (packet[2]! << 8) | packet[3]!;
    const ssrc = readUint32(packet, 8);
    const known = this.#streams.find((each) => each.ssrc === ssrc);
    const rollovers = known ? rolloversOf(known, sequence) : 0;
    const index = rollovers * 0x10000 + sequence;
    if (rollovers < 0 || (known && isReplay(known.seen, known.rollovers * 0x10000 + known.highest, index))) return -1;
    const given = packet.slice(end, length);
    if (!isSame(this.#keys.tag(packet, end, rollovers), given)) {
      packet.set(given, end);
      return -1;
    }
    cipher.apply(packet, start, end, ssrc, index);
    const stream = known ?? this.#open(ssrc, sequence);
    stream.seen[index % REPLAY_WINDOW] = index;
    if (index > stream.rollovers * 0x10000 + stream.highest) {
      stream.rollovers = rollovers;
      stream.highest = sequence;
    }
    return end;
  }

  /** The same for RTCP. What is not encrypted is refused too: it was agreed otherwise. */
  unprotectRtcp(packet: Uint8Array, length: number): number {
    const end = length - RTCP_TAG_BYTES - 4;
    if (end < 8) return -1;
    const word = readUint32(packet, end);
    const index = word & 0x7fff_ffff;
    if (word < 0x8000_0000 || isReplay(this.#rtcpSeen, this.#rtcpHighest, index)) return -1;
    const tag = this.#keys.rtcpTag(packet, end + 4);
    if (!isSame(tag, packet.subarray(end + 4, length))) return -1;
    this.#keys.rtcpCipher.apply(packet, 8, end, readUint32(packet, 4), index);
    this.#rtcpSeen[index % REPLAY_WINDOW] = index;
    this.#rtcpHighest = Math.max(this.#rtcpHighest, index);
    return end;
  }

  #open(ssrc: number, sequence: number): Stream {
    if (this.#streams.length >= STREAMS) this.#streams.shift();
    const stream = { ssrc, rollovers: 0, highest: sequence, seen: new Float64Array(REPLAY_WINDOW).fill(-1) };
    this.#streams.push(stream);
    return stream;
  }
}

/** How often the sequence numbers had gone round when this one was sent (RFC 3711 §3.3.1). −1: before the first. */
function rolloversOf({ rollovers, highest }: Stream, sequence: number): number {
  if (highest < 0x8000) return sequence - highest > 0x8000 ? rollovers - 1 : rollovers;
  return highest - 0x8000 > sequence ? rollovers + 1 : rollovers;
}

function isReplay(seen: Float64Array, highest: number, index: number): boolean {
  return index <= highest - REPLAY_WINDOW || seen[index % REPLAY_WINDOW] === index;
}

/** Compares the bytes that were given in a time that tells nothing of them. */
function isSame(tag: Uint8Array, given: Uint8Array): boolean {
  let difference = 0;
  for (let i = 0; i < given.length; i += 1) difference |= tag[i]! ^ given[i]!;
  return difference === 0;
}

/** Behind fixed header, contributing sources and extension; −1 when these bytes are no RTP packet. */
function payloadStart(packet: Uint8Array, end: number): number {
  if (end < 12 || packet[0]! >> 6 !== 2) return -1;
  let start = 12 + (packet[0]! & 0x0f) * 4;
  if (packet[0]! & 0x10) {
    if (start + 4 > end) return -1;
    start += 4 + ((packet[start + 2]! << 8) | packet[start + 3]!) * 4;
  }
  return start <= end ? start : -1;
}
