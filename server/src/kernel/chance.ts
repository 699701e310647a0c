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

/** Real chance. */
export const systemChance: Chance = chanceFrom(
  (length) => randomBytes(length),
  () => Date.now(),
);

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
