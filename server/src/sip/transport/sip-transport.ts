import type { IncomingMessage } from 'node:http';
import { networkInterfaces } from 'node:os';
import type { Duplex } from 'node:stream';

import type { Clock } from '#kernel/clock.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Log } from '#kernel/log.ts';
import type { Address, Flow, Hop } from './flow.ts';
import { Intake, type MessageHandler } from './intake.ts';
import { TcpTransport } from './tcp.ts';
import { UdpTransport } from './udp.ts';
import { WebSocketTransport } from './web-socket.ts';

/** All transports of one user agent as the layers above see them (RFC 3261 §18). */
export interface SipTransport extends AsyncDisposable {
  /** What goes into Via and Contact: the address peers can reach us at. */
  readonly address: Address;
  /** Whoever takes the checked messages; to be called once, before any arrive. */
  deliverTo(handler: MessageHandler): void;
  /** The way to an address; opens a connection when the hop is TCP and none is open. */
  flowTo(hop: Hop): Flow;
  handleWebSocketUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  snapshot(): object;
}

interface SipTransportOptions {
  /** The local address to listen on. */
  host: string;
  /** UDP and TCP; 0 for any that is free for both. */
  port: number;
  /** What peers are told instead of `host`, for a host behind a NAT or listening on all its addresses. */
  advertisedHost?: string;
  clock: Clock;
  log: Log;
  onThrottled?: (source: string) => void;
}

/** Opens UDP and TCP on the same port, and WebSocket for sockets handed over. Throws PORT_IN_USE. */
export async function openSipTransport(options: SipTransportOptions): Promise<SipTransport> {
  const { host, port, clock, log } = options;
  const intake = new Intake(options);
  const { tcp, udp } = await openBoth(host, port, intake, clock, log);
  const webSocket = new WebSocketTransport(intake, clock, log);
  const advertised = options.advertisedHost ?? (isEveryAddress(host) ? firstAddress() : host);
  const address = { host: advertised.includes(':') ? `[${advertised}]` : advertised, port: udp.address.port };
  return {
    address,
    deliverTo: (handler) => intake.deliverTo(handler),
    flowTo: (hop) => (hop.transport === 'tcp' ? tcp : udp).flowTo(bare(hop.host), hop.port),
    handleWebSocketUpgrade: (request, socket, head) => webSocket.handleUpgrade(request, socket, head),
    snapshot: () => ({
      ...intake.snapshot(),
      tcpConnections: tcp.connectionCount,
      webSockets: webSocket.connectionCount,
    }),
    async [Symbol.asyncDispose]() {
      await Promise.all([webSocket, tcp, udp].map((part) => part[Symbol.asyncDispose]()));
    },
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

const bare = (host: string): string => (host.startsWith('[') ? host.slice(1, -1) : host);

const isEveryAddress = (host: string): boolean => host === '0.0.0.0' || host === '::';

function firstAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';
}
