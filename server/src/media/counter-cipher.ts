import { createCipheriv } from 'node:crypto';

/** Blocks of the longest packet that is taken: 2048 bytes. */
const LONGEST_BLOCKS = 128;

/**
 * AES in counter mode as RFC 3711 §4.1.1 has it. To open a cipher costs thirty times what it does for a packet, so one
 * stays open, of the block mode, and encrypts the counters.
 */
export class CounterCipher {
  readonly #cipher;
  readonly #salt: Uint8Array;
  readonly #counters = new Uint8Array(LONGEST_BLOCKS * 16);

  constructor(key: Uint8Array, salt: Uint8Array) {
    this.#cipher = createCipheriv('aes-128-ecb', key, null);
    this.#cipher.setAutoPadding(false);
    this.#salt = salt;
  }

  /** Encrypts or decrypts `packet[start, end)` in place; `index` is the packet's, of 48 bits at most. */
  apply(packet: Uint8Array, start: number, end: number, ssrc: number, index: number): void {
    const blocks = Math.min(LONGEST_BLOCKS, Math.ceil((end - start) / 16));
    if (blocks <= 0) return;
    const counters = this.#counters;
    const salt = this.#salt;
    const upper = Math.floor(index / 0x1_0000_0000);
    for (let i = 0; i < 14; i += 1) counters[i] = salt[i]!;
    counters[4]! ^= ssrc >>> 24;
    counters[5]! ^= ssrc >>> 16;
    counters[6]! ^= ssrc >>> 8;
    counters[7]! ^= ssrc;
    counters[8]! ^= upper >>> 8;
    counters[9]! ^= upper;
    counters[10]! ^= index >>> 24;
    counters[11]! ^= index >>> 16;
    counters[12]! ^= index >>> 8;
    counters[13]! ^= index;
    counters[14] = counters[15] = 0;
    for (let block = 1; block < blocks; block += 1) {
      counters.copyWithin(block * 16, 0, 14);
      counters[block * 16 + 14] = block >> 8;
      counters[block * 16 + 15] = block;
    }
    const stream = this.#cipher.update(counters.subarray(0, blocks * 16));
    const length = Math.min(end - start, stream.length);
    for (let i = 0; i < length; i += 1) packet[start + i]! ^= stream[i]!;
  }
}
