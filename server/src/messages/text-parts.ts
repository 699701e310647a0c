/** GSM 03.38 basic set; what is in EXTENDED takes two septets. */
const BASIC = new Set(
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà',
);
const EXTENDED = new Set('\f^{}\\[~]|€');

/**
 * How many short messages a text takes, and in which alphabet (3GPP TS 23.038, concatenation as in TS 23.040 §9.2.3.24.1):
 * 160 septets or 70 UCS-2 characters in one, 153 or 67 in each of several.
 */
export function textParts(text: string): { alphabet: 'gsm-7' | 'ucs-2'; length: number; parts: number } {
  let septets = 0;
  for (const character of text) {
    if (BASIC.has(character)) septets += 1;
    else if (EXTENDED.has(character)) septets += 2;
    else return split('ucs-2', text.length, 70, 67);
  }
  return split('gsm-7', septets, 160, 153);
}

function split(alphabet: 'gsm-7' | 'ucs-2', length: number, one: number, each: number) {
  return { alphabet, length, parts: length <= one ? 1 : Math.ceil(length / each) };
}
