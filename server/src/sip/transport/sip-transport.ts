import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Duplex } from 'node:stream';

import type { Clock } from '#kernel/clock.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Log } from '#kernel/log.ts';
import { type Address, type Flow, type Hop, bare, bracketed } from './flow.ts';
import { Intake, type MessageHandler } from './intake.ts';
import { TcpTransport, type TlsOptions } from './tcp.ts';
import { UdpTransport } from './udp.ts';
import { WebSocketTransport } from './web-socket.ts';

/** All transports of one user agent as the layers above see them (RFC 3261 §18). */
export interface SipTransport extends AsyncDisposable {
  /** The address peers can reach us at, by UDP and TCP. */
  readonly address: Address;
  /** What goes into Via and Contact for a peer over this flow: TLS has a port of its own. */
  addressFor(flow: Pick<Flow, 'transport'> & Partial<Pick<Flow, 'remote'>>): Address;
  /** Whoever takes the checked messages; to be called once, before any arrive. */
  deliverTo(handler: MessageHandler): void;
  /** The way to an address; opens a connection when the hop is TCP or TLS and none is open. Undefined without that transport. */
  flowTo(hop: Hop): Flow | undefined;
  handleWebSocketUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Answers a source again that has sent too much that is malformed; false when it had not. */
  release(source: string): boolean;
  snapshot(): object;
}

interface SipTransportOptions {
  /** The local address to listen on. */
  host: string;
  /** UDP and TCP; 0 for any that is free for both. */
  port: number;
  /** What peers are told instead of `host`, for a host behind a NAT or listening on all its addresses. */
  advertisedHost?: string;
  /** TLS beside UDP and TCP, when given. */
  tls?: TlsOptions;
  clock: Clock;
  log: Log;
  onThrottled?: (source: string, untilMs: number) => void;
  /** Something malformed came. */
  onGarbage?: (source: string) => void;
}

/** Opens UDP and TCP on the same port, TLS when there is a certificate, and WebSocket for sockets handed over. Throws PORT_IN_USE. */
export async function openSipTransport(options: SipTransportOptions): Promise<SipTransport> {
  const { host, port, clock, log } = options;
  const intake = new Intake(options);
  await using opened = new AsyncDisposableStack();
  const { tcp, udp } = await openBoth(host, port, intake, clock, log);
  opened.use(udp);
  opened.use(tcp);
  const tls = options.tls && opened.use(await openTls(options.tls, options, intake));
  const webSocket = opened.use(new WebSocketTransport(intake, clock, log));
  const isEvery = options.advertisedHost === undefined && isEveryAddress(host);
  const address = {
    host: bracketed(options.advertisedHost ?? (isEvery ? firstAddress('IPv4') : host)),
    port: udp.address.port,
  };
  // Who listens on all addresses of both families tells an IPv6 peer one that it can reach.
  const hostFor = (remote: Address | undefined) =>
    isEvery && isIPv6(host) && isIPv6(remote?.host ?? '') ? bracketed(firstAddress('IPv6')) : address.host;
  const parts = opened.move();
  return {
    address,
    addressFor: ({ transport, remote }) => ({
      host: hostFor(remote),
      port: transport === 'tls' && tls ? tls.address.port : address.port,
    }),
    deliverTo: (handler) => intake.deliverTo(handler),
    flowTo: (hop) => ({ udp, tcp, tls })[hop.transport]?.flowTo(bare(hop.host), hop.port, hop.domain),
    handleWebSocketUpgrade: (request, socket, head) => webSocket.handleUpgrade(request, socket, head),
    release: (source) => intake.release(source),
    snapshot: () => ({
      ...intake.snapshot(),
      tcpConnections: tcp.connectionCount,
      tlsConnections: tls?.connectionCount ?? 0,
      webSockets: webSocket.connectionCount,
    }),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

const ATTEMPTS_AT_A_FREE_PORT = 20;

async function openBoth(host: string, port: number, intake: Intake, clock: Clock, log: Log) {
  for (let attempt = 1; ; attempt += 1) {
    let tcp: TcpTransport | undefined;
    try {
      tcp = await TcpTransport.open(host, port, intake, clock, log);
      return { tcp, udp: await UdpTransport.open(host, tcp.address.port, intake, log) };
    } catch (error) {
      await tcp?.[Symbol.asyncDispose]();
      const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      // A port free for TCP may be taken for UDP; when any will do, another is tried.
      if (isTaken && port === 0 && attempt < ATTEMPTS_AT_A_FREE_PORT) continue;
      if (isTaken) throw new DispatchError('PORT_IN_USE', `SIP ${host}:${port}`, { cause: error });
      throw error;
    }
  }
}

const TLS_PORT = 5061;

async function openTls(tls: TlsOptions, { host, clock, log }: SipTransportOptions, intake: Intake) {
  const port = tls.port ?? TLS_PORT;
  try {
    return await TcpTransport.open(host, port, intake, clock, log, tls);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new DispatchError('PORT_IN_USE', `SIP over TLS ${bracketed(host)}:${port}`, { cause: error });
  }
}

const isEveryAddress = (host: string): boolean => host === '0.0.0.0' || host === '::';

function firstAddress(family: 'IPv4' | 'IPv6'): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const isPublic = (address: string) => !address.startsWith('fe80:');
  const found = all.find((one) => one.family === family && !one.internal && isPublic(one.address));
  return found?.address ?? (family === 'IPv4' ? '127.0.0.1' : '::1');
}
