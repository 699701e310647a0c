import type { TransportKind } from '../transport/flow.ts';

/** Where an address of record can be reached for a while (RFC 3261 §10): plain data, so that it can be stored. */
export interface Binding {
  /** The address of record's user part: who is registered. */
  user: string;
  /** The contact URI, with its parameters, as the phone gave it. */
  contact: string;
  /** Preference from 0 to 1; 1 when not given. */
  q: number;
  callId: string;
  cseq: number;
  expiresAtMs: number;
  /** Where the REGISTER came from. */
  source: { transport: TransportKind; host: string; port: number };
  /**
   * The contact is reached only the way the REGISTER came: it is on a WebSocket or a connection, or behind a NAT that
   * shows in a source other than the contact.
   */
  isFlowBound: boolean;
  isWebSocket: boolean;
  userAgent?: string;
  /** +sip.instance, when the phone has one (RFC 5626): a restarted phone's old contact is replaced by its new one. */
  instance?: string;
  /** The number of this flow among those that the phone keeps (RFC 5626); absent: it keeps one. */
  regId?: number;
  /** The proxies by which the phone is reached, the first of ours on (RFC 3327): name-addrs for Route. */
  path?: string[];
}

type Named = Pick<Binding, 'user' | 'contact' | 'instance' | 'regId'>;

/** What a binding is known by within its address of record: a phone with several flows may give all the same contact. */
export const bindingName = ({ contact, instance, regId }: Named): string =>
  regId === undefined ? contact : `${contact} ${instance} ${regId}`;

/** What a binding is known by among all. */
export const bindingKey = (binding: Named): string => `${binding.user} ${bindingName(binding)}`;
