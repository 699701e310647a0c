/** How a message travels. A WebSocket may be a secure one. */
export type TransportKind = 'udp' | 'tcp' | 'tls' | 'ws';

export interface Address {
  host: string;
  port: number;
}

/** Where a request is to be sent (RFC 3263 §4). */
export interface Hop extends Address {
  transport: 'udp' | 'tcp' | 'tls';
  /** Over TLS, the name that the peer's certificate must be for; `host` when absent. */
  domain?: string;
}

/**
 * A way to one peer: a connection, or over UDP just its address. What came in over a flow is answered over it, and a
 * contact behind a NAT or a WebSocket is reached only over the flow it registered on (RFC 5626, RFC 7118).
 */
export interface Flow {
  readonly transport: TransportKind;
  /** A reliable transport needs no retransmissions (RFC 3261 §17). */
  readonly isReliable: boolean;
  /** A WebSocket over TLS: its Via says WSS (RFC 7118 §5.2.4). */
  readonly isSecureWebSocket?: boolean;
  readonly remote: Address;
  /** False once a connection has ended; a UDP flow is always open. */
  readonly isOpen: boolean;
  /** Sends one message. `onFailed` is called at most once, when the transport knows that it did not go out. */
  send(bytes: Buffer, onFailed?: (why: string) => void): void;
  /** Calls back once when the connection ends, at once when it has; never for UDP. Returns a function that stops it. */
  onClosed(listener: () => void): () => void;
}

/** For logs, counters and snapshots. */
export const flowLabel = ({ transport, remote }: Pick<Flow, 'transport' | 'remote'>): string =>
  `${transport}:${bracketed(remote.host)}:${remote.port}`;

/** An IPv6 address as it stands in URIs and Vias; any other host as it is. */
export const bracketed = (host: string): string => (host.includes(':') && !host.startsWith('[') ? `[${host}]` : host);

/** A host without the brackets of an IPv6 reference, as sockets take it. */
export const bare = (host: string): string => (host.startsWith('[') ? host.slice(1, -1) : host);

/** The address a socket names; an IPv4 peer of a socket that listens on both (`::ffff:10.0.0.1`) goes by its IPv4 address. */
export const peerHost = (host = ''): string =>
  host.startsWith('::ffff:') && host.includes('.') ? host.slice('::ffff:'.length) : host;
