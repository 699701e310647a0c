import { createHash, randomBytes } from 'node:crypto';

/** Chance and names, handed in: tests make them repeatable. */
export interface Chance {
  /** Fresh random bytes, fit for secrets. */
  bytes(length: number): Uint8Array;
  /** A number in [0, 1). */
  fraction(): number;
  /** Lower-case hex, `byteLength` × 2 characters: SIP tags, branches, nonces. */
  token(byteLength?: number): string;
  /** A new identifier for a thing of ours: `prefix-` and 20 characters that sort by the time of making. */
  id(prefix: string): string;
}

/** Drawn at once, because a draw costs as much for a tag as for all of these. Bytes handed out are wiped here. */
const POOL_BYTES = 4096;
let pool = Buffer.alloc(0);
let used = 0;

function drawn(length: number): Buffer {
  if (length > POOL_BYTES / 16) return randomBytes(length);
  if (used + length > pool.length) {
    pool = randomBytes(POOL_BYTES);
    used = 0;
  }
  const bytes = Buffer.from(pool.subarray(used, used + length));
  pool.fill(0, used, used + length);
  used += length;
  return bytes;
}

/** Real chance. */
export const systemChance: Chance = chanceFrom(drawn, () => Date.now());

/** Repeatable chance for tests: the same seed gives the same sequence. */
export function seededChance(seed: string, now: () => number = () => 0): Chance {
  let counter = 0;
  return chanceFrom((length) => {
    const chunks: Buffer[] = [];
    for (let have = 0; have < length; have += 32)
      chunks.push(createHash('sha256').update(`${seed}/${counter++}`).digest());
    return Buffer.concat(chunks).subarray(0, length);
  }, now);
}

function chanceFrom(bytes: (length: number) => Buffer, now: () => number): Chance {
  return {
    bytes,
    fraction: () => bytes(4).readUInt32BE(0) / 2 ** 32,
    token: (byteLength = 8) => bytes(byteLength).toString('hex'),
    id: (prefix) => `${prefix}-${now().toString(36).padStart(9, '0')}${bytes(6).toString('hex').slice(0, 11)}`,
  };
}
