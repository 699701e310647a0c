/**
 * Contact ID on the telephone (ANSI/SIA DC-05): 16 digits `ACCT 18 QXYZ GG CCC S`, sent as DTMF. B to F are the keys
 * `* # A B C`; a zero counts ten in the checksum, and all digits together are divisible by 15.
 */
export interface DialledMessage {
  account: string;
  /** `QXYZ GG CCC`, as readContactId takes it. */
  event: string;
}

export const MESSAGE_DIGITS = 16;

const KEYS = '0123456789*#ABC';
const DIGITS = '0123456789BCDEF';

export type DialledReading = { kind: 'message'; message: DialledMessage } | { kind: 'wrong'; why: string };

/** Reads the 16 keys of a message. */
export function readDialled(keys: string): DialledReading {
  const digits = [...keys].map((key) => DIGITS[KEYS.indexOf(key)] ?? '?').join('');
  if (digits.length !== MESSAGE_DIGITS) return { kind: 'wrong', why: `${digits.length} digits` };
  if (digits.includes('?')) return { kind: 'wrong', why: 'a key that Contact ID does not use' };
  if (sumOf(digits) % 15 !== 0) return { kind: 'wrong', why: 'the checksum does not fit' };
  const [account, type, event] = [digits.slice(0, 4), digits.slice(4, 6), digits.slice(6, 15)];
  if (type !== '18' && type !== '98') return { kind: 'wrong', why: `message type ${type}` };
  return { kind: 'message', message: { account, event } };
}

/** The keys of a message; `event` is `QXYZGGCCC`. */
export function writeDialled({ account, event }: DialledMessage): string {
  const digits = `${account}18${event.replaceAll(' ', '')}`.toUpperCase();
  const missing = 15 - (sumOf(digits) % 15);
  const all = digits + (missing === 15 ? 'F' : missing.toString(16).toUpperCase()).replace('A', '0');
  return [...all].map((digit) => KEYS[DIGITS.indexOf(digit)]!).join('');
}

function sumOf(digits: string): number {
  let sum = 0;
  for (const digit of digits) sum += digit === '0' ? 10 : Number.parseInt(digit, 16);
  return sum;
}
