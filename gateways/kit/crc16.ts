/** The remainders of all octets for x¹⁶+x¹⁵+x²+1, bits reflected: CRC-16/ARC, and with another start CRC-16/MODBUS. */
const TABLE = Uint16Array.from({ length: 256 }, (_, octet) => {
  let rest = octet;
  for (let bit = 0; bit < 8; bit += 1) rest = rest & 1 ? (rest >>> 1) ^ 0xa001 : rest >>> 1;
  return rest;
});

/** CRC-16 with the polynomial 0x8005, reflected. `initial` 0 is CRC-16/ARC, 0xffff CRC-16/MODBUS. */
export function crc16(bytes: Uint8Array, initial: 0 | 0xffff): number {
  let crc: number = initial;
  for (const octet of bytes) crc = (crc >>> 8) ^ TABLE[(crc ^ octet) & 0xff]!;
  return crc;
}
