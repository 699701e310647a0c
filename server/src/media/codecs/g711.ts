/**
 * G.711 A-law and µ-law by table (ITU-T G.711; the arithmetic is that of ITU-T G.191 `alaw_compress`, `ulaw_compress`).
 * Encoding looks up all 65,536 linear values, so that one sample costs one load.
 */
export type G711Law = 'pcma' | 'pcmu';

/** Linear 16-bit values of the 256 codes. */
export const LINEAR_OF: Record<G711Law, Int16Array> = { pcma: new Int16Array(256), pcmu: new Int16Array(256) };

/** Codes of the 65,536 linear values, indexed by `sample & 0xffff`. */
export const CODE_OF: Record<G711Law, Uint8Array> = { pcma: new Uint8Array(65_536), pcmu: new Uint8Array(65_536) };

/** The code of silence: what an idle sender puts in its packets. */
export const SILENCE_CODE: Record<G711Law, number> = { pcma: 0xd5, pcmu: 0xff };

/** Static RTP payload types (RFC 3551 §6). */
export const STATIC_PAYLOAD_TYPE: Record<G711Law, number> = { pcma: 8, pcmu: 0 };

for (let code = 0; code < 256; code += 1) {
  LINEAR_OF.pcma[code] = linearOfALaw(code);
  LINEAR_OF.pcmu[code] = linearOfULaw(code);
}
for (let sample = -32_768; sample < 32_768; sample += 1) {
  CODE_OF.pcma[sample & 0xffff] = aLawOf(sample);
  CODE_OF.pcmu[sample & 0xffff] = uLawOf(sample);
}

/** Encodes 16-bit samples; one byte for each. */
export function encodeG711(law: G711Law, samples: Int16Array, into = new Uint8Array(samples.length)): Uint8Array {
  const codes = CODE_OF[law];
  for (let i = 0; i < samples.length; i += 1) into[i] = codes[samples[i]! & 0xffff]!;
  return into;
}

/** Decodes G.711 bytes to 16-bit samples; one for each. */
export function decodeG711(law: G711Law, codes: Uint8Array, into = new Int16Array(codes.length)): Int16Array {
  const linear = LINEAR_OF[law];
  for (let i = 0; i < codes.length; i += 1) into[i] = linear[codes[i]!]!;
  return into;
}

function aLawOf(sample: number): number {
  // A negative value is one's complemented, so that −1 … −16 share the innermost interval (G.191).
  let magnitude = (sample < 0 ? ~sample : sample) >> 4;
  if (magnitude > 15) {
    let exponent = 1;
    while (magnitude > 31) {
      magnitude >>= 1;
      exponent += 1;
    }
    magnitude = magnitude - 16 + (exponent << 4);
  }
  return (sample < 0 ? magnitude : magnitude | 0x80) ^ 0x55;
}

function linearOfALaw(code: number): number {
  const bits = (code ^ 0x55) & 0x7f;
  const exponent = bits >> 4;
  let mantissa = ((bits & 0x0f) + (exponent > 0 ? 16 : 0)) * 16 + 8;
  if (exponent > 1) mantissa <<= exponent - 1;
  return code > 127 ? mantissa : -mantissa;
}

function uLawOf(sample: number): number {
  const magnitude = Math.min(((sample < 0 ? ~sample : sample) >> 2) + 33, 0x1fff);
  let segment = 1;
  for (let rest = magnitude >> 6; rest > 0; rest >>= 1) segment += 1;
  const low = 0x0f - ((magnitude >> segment) & 0x0f);
  const code = ((8 - segment) << 4) | low;
  return sample < 0 ? code : code | 0x80;
}

function linearOfULaw(code: number): number {
  const bits = ~code & 0xff;
  const magnitude = (((bits & 0x0f) << 3) + 0x84) << ((bits & 0x70) >> 4);
  return bits & 0x80 ? 0x84 - magnitude : magnitude - 0x84;
}
