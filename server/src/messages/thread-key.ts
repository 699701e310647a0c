/**
 * The one form that a number has in both directions, so that an answer finds its question: digits, without the country's
 * 86 before a number of eleven digits.
 */
export function threadKey(number: string): string {
  const digits = number.replace(/\D/g, '').replace(/^0+(?=\d{7})/, '');
  return /^86\d{11}$/.test(digits) ? digits.slice(2) : digits;
}
