import { createHash } from 'node:crypto';
import type { ProviderConfig } from './provider.ts';
import type { Segments } from './segments.ts';
import type { Text } from './text-ledger.ts';

/** submit_sm by the names of SMPP 3.4 §4.4.1; types of number and numbering plans: §5.2.5-6. */
export function parametersOf(
  text: Text,
  config: ProviderConfig,
  segments: Segments,
  part: Buffer | undefined,
): Record<string, unknown> {
  const source = config.sourceAddress;
  const isName = !/^\+?[0-9]+$/.test(source);
  return {
    source_addr_ton: isName ? 5 : source.startsWith('+') ? 1 : 0,
    source_addr_npi: isName ? 0 : 1,
    source_addr: source.replace(/^\+/, ''),
    dest_addr_ton: text.to.startsWith('+') ? 1 : 0,
    dest_addr_npi: 1,
    destination_addr: text.to.replace(/^\+/, ''),
    esm_class: part !== undefined && segments.parts.length > 1 ? 0x40 : 0,
    registered_delivery: 1,
    data_coding: segments.dataCoding,
    short_message: part ?? Buffer.alloc(0),
    ...(part === undefined && { message_payload: segments.whole }),
    user_message_reference: userReferenceOf(text),
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
