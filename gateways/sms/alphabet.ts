/** The GSM 7-bit default alphabet and its extension table: 3GPP TS 23.038 §6.2.1. SMPP carries one character an octet. */
const BASIC =
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà';
const EXTENDED: Record<string, number> = {
  '\f': 0x0a,
  '^': 0x14,
  '{': 0x28,
  '}': 0x29,
  '\\': 0x2f,
  '[': 0x3c,
  '~': 0x3d,
  ']': 0x3e,
  '|': 0x40,
  '€': 0x65,
};
const ESCAPE = 0x1b;

const CODES = new Map(
  [...BASIC].map((character, code) => [character, code] as const).filter(([, code]) => code !== ESCAPE),
);
const EXTENDED_BY_CODE = new Map(Object.entries(EXTENDED).map(([character, code]) => [code, character]));

/** One character's octets in the GSM alphabet; undefined when it has none. */
export function gsmOctets(character: string): number[] | undefined {
  const code = CODES.get(character);
  if (code !== undefined) return [code];
  const extended = EXTENDED[character];
  return extended === undefined ? undefined : [ESCAPE, extended];
}

/** Whether the whole text can go in the GSM alphabet. */
export function isGsm(text: string): boolean {
  return [...text].every((character) => gsmOctets(character) !== undefined);
}

/** Reads octets of the GSM alphabet; unknown escapes become a space, as TS 23.038 asks of receivers. */
export function decodeGsm(octets: Uint8Array): string {
  let text = '';
  for (let at = 0; at < octets.length; at++) {
    const octet = octets[at]!;
    if (octet === ESCAPE) text += EXTENDED_BY_CODE.get(octets[++at] ?? -1) ?? ' ';
    else text += BASIC[octet & 0x7f] ?? ' ';
  }
  return text;
}

/** Reads a short message's octets by its data coding (SMPP 3.4 §5.2.19; 15 is CMPP's for GB 18030 and its kin). */
export function decodeText(octets: Uint8Array, dataCoding: number): string {
  const bytes = Buffer.from(octets);
  switch (dataCoding & 0x0f) {
    case 8:
      return new TextDecoder('utf-16be').decode(bytes.subarray(0, bytes.length & ~1));
    case 15:
      return new TextDecoder('gb18030').decode(bytes);
    case 3:
      return bytes.toString('latin1');
    case 1:
      return bytes.toString('latin1');
    default:
      return decodeGsm(bytes);
  }
}
