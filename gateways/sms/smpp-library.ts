import smpp from 'smpp';

// The library would decode receipts in the GSM alphabet, which turns the `_` of a message id into `§`; both ends here
// want the octets. The filter object is shared by submit_sm, deliver_sm and message_payload.
smpp.filters.message.decode = (value) => value;

/** smpp, with message texts as octets in both directions. */
export { smpp };
export type { Pdu, Session } from 'smpp';

const NAMES = new Map(Object.entries(smpp.errors).map(([name, code]) => [code, name]));

/** The specification's name of a command status (SMPP 3.4 §5.1.3). */
export function nameOfStatus(status: number): string {
  return NAMES.get(status) ?? `status 0x${status.toString(16)}`;
}
