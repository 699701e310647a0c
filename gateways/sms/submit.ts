import { createHash } from 'node:crypto';
import type { OutgoingPart } from './session.ts';
import type { Text } from './text-ledger.ts';

/** submit_sm by the names of SMPP 3.4 §4.4.1; types of number and numbering plans: §5.2.5-6. */
export function parametersOf(part: OutgoingPart): Record<string, unknown> {
  return {
    ...addressOf('source', part.from),
    ...addressOf('dest', part.to),
    esm_class: part.hasHeader ? 0x40 : 0,
    registered_delivery: 1,
    data_coding: part.dataCoding,
    short_message: part.isWhole ? Buffer.alloc(0) : part.octets,
    ...(part.isWhole && { message_payload: part.octets }),
    user_message_reference: part.userReference,
  };
}

/** A number or name as SMPP writes the sender (`source`) or the recipient (`dest`). */
export function addressOf(side: 'source' | 'dest', address: string): Record<string, unknown> {
  const isName = !/^\+?[0-9]+$/.test(address);
  return {
    [`${side}_addr_ton`]: isName ? 5 : address.startsWith('+') ? 1 : 0,
    [`${side}_addr_npi`]: isName ? 0 : 1,
    [side === 'source' ? 'source_addr' : 'destination_addr']: address.replace(/^\+/, ''),
  };
}

function hashOf(text: Text): Buffer {
  return createHash('sha256').update(text.command).digest();
}

/** The reference in the headers of a long text's parts. */
export function referenceOf(text: Text): number {
  return hashOf(text)[0]!;
}

/** Our own reference, which some centres give back in the receipt. */
export function userReferenceOf(text: Text): number {
  return hashOf(text).readUInt16BE(1);
}

/** The same report of the same text has the same id, so that the server can drop the second. */
export function eventId(text: Text, what: string): string {
  return `tx-${hashOf(text).toString('hex').slice(0, 32)}-${what}`;
}

export function digits(number: string): string {
  return number.replace(/\D/g, '');
}
