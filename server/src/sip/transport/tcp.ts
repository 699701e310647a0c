import { once } from 'node:events';
import type { Socket } from 'node:net';
import { type Server, connect, createServer, isIP } from 'node:net';
import { type TLSSocket, connect as connectTls, createServer as createTlsServer } from 'node:tls';

import type { Clock, Timer } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import { ClosedSignal } from './closed-signal.ts';
import { type Address, type Flow, flowLabel, peerHost } from './flow.ts';
import type { Intake } from './intake.ts';
import { StreamFramer } from './stream-framer.ts';

/** Bounds of the TCP side. A connection over the number is closed at once; one that exceeds a time is closed. */
const TCP_LIMITS = {
  connections: 4000,
  /** How often each connection is looked at; the times below are kept to within this. */
  lookEveryMs: 10_000,
  /** From the connection to its first whole message, and from the first octet of any message to its last. */
  messageMs: 20_000,
  /** From a TLS connection to the end of its handshake. */
  handshakeMs: 10_000,
  /** Without an octet either way; longer than an hour's registration, which keeps its connection. */
  idleMs: 3_900_000,
  /** Unsent octets after which a peer that does not read is given up. */
  unsentBytes: 1024 * 1024,
} as const;

/** What TLS needs (RFC 3261 §26.3.1): our certificate and key, and whom we believe. */
export interface TlsOptions {
  /** PEM: the certificate with its chain, and its key. */
  cert: string;
  key: string;
  /** The listening port; 5061 when absent, 0 for any free one. */
  port?: number;
  /** PEM: who signs the peers that we connect to; what the system believes when absent. */
  ca?: string;
}

/** RFC 5246 is the oldest that RFC 8996 leaves; every phone of the last ten years knows it. */
const TLS_LEAST = 'TLSv1.2';

/** The TCP or TLS listening point and every connection, whoever opened it; a connection is used for both directions (RFC 5923). */
export class TcpTransport implements AsyncDisposable {
  readonly #server: Server;
  readonly #connections = new Map<string, Connection>();
  readonly #intake: Intake;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #tls: TlsOptions | undefined;

  private constructor(server: Server, intake: Intake, clock: Clock, log: Log, tls?: TlsOptions) {
    this.#server = server;
    this.#intake = intake;
    this.#clock = clock;
    this.#log = log;
    this.#tls = tls;
    server.on(tls ? 'secureConnection' : 'connection', (socket: Socket) =>
      this.#adopt(socket, { host: peerHost(socket.remoteAddress), port: socket.remotePort ?? 0 }),
    );
    // A handshake that fails or does not end in time: somebody who speaks no TLS, or does not believe our certificate.
    server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
      intake.broken({ transport: 'tls', remote: { host: peerHost(socket.remoteAddress), port: 0 } }, error.message);
      socket.destroy();
    });
    server.on('error', (error) => log.warn('SIP TCP server failed', { error }));
  }

  /** Throws the system's error (EADDRINUSE and the like) when the port cannot be had. */
  static async open(
    host: string,
    port: number,
    intake: Intake,
    clock: Clock,
    log: Log,
    tls?: TlsOptions,
  ): Promise<TcpTransport> {
    const common = { noDelay: true, keepAlive: true };
    const { cert, key } = tls ?? {};
    const server = tls
      ? createTlsServer({ ...common, cert, key, minVersion: TLS_LEAST, handshakeTimeout: TCP_LIMITS.handshakeMs })
      : createServer(common);
    // Connections in the midst of a handshake count as well.
    server.maxConnections = TCP_LIMITS.connections;
    server.listen(port, host);
    await once(server, 'listening');
    return new TcpTransport(server, intake, clock, log, tls);
  }

  get address(): Address {
    const { address, port } = this.#server.address() as { address: string; port: number };
    return { host: address, port };
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** The open connection to an address, or a new one; what is sent before it stands waits. */
  flowTo(host: string, port: number, domain = host): Flow {
    const present = this.#connections.get(`${host}:${port}`);
    if (present?.isOpen) return present;
    return this.#adopt(this.#connect(host, port, domain), { host, port });
  }

  /** Over TLS the peer's certificate must be signed by one we believe, for the host we meant (RFC 5922 §7). */
  #connect(host: string, port: number, domain: string): Socket {
    const common = { host, port, noDelay: true, keepAlive: true };
    if (!this.#tls) return connect(common);
    const { cert, key, ca } = this.#tls;
    const servername = isIP(domain) === 0 ? domain : '';
    return connectTls({ ...common, cert, key, ca, servername, minVersion: TLS_LEAST });
  }

  #adopt(socket: Socket, remote: Address): Connection {
    const kind = this.#tls ? 'tls' : 'tcp';
    const connection = new Connection(kind, socket, remote, this.#intake, this.#clock, this.#log);
    const key = `${remote.host}:${remote.port}`;
    if (this.#connections.size >= TCP_LIMITS.connections) {
      this.#log.warn('SIP connection refused: too many', { from: flowLabel(connection) });
      connection.close('too many connections');
      return connection;
    }
    this.#connections.set(key, connection);
    connection.onClosed(() => {
      if (this.#connections.get(key) === connection) this.#connections.delete(key);
    });
    return connection;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#connections.values()) connection.end();
    await closed;
  }
}

/** One TCP or TLS connection. */
class Connection implements Flow {
  readonly transport: 'tcp' | 'tls';
  readonly isReliable = true;
  readonly remote: Address;
  readonly #socket: Socket;
  readonly #framer = new StreamFramer();
  readonly #intake: Intake;
  readonly #clock: Clock;
  readonly #closed = new ClosedSignal();
  readonly #failures = new Set<(why: string) => void>();
  readonly #look: Timer;
  #lastHeardMs: number;
  /** False until a connection of ours is connected, over TLS to the end of the handshake. */
  #isStanding: boolean;
  /** Since when a whole message is awaited; undefined between messages. */
  #awaitedSinceMs: number | undefined;

  constructor(transport: 'tcp' | 'tls', socket: Socket, remote: Address, intake: Intake, clock: Clock, log: Log) {
    this.transport = transport;
    this.#socket = socket;
    this.remote = remote;
    this.#intake = intake;
    this.#clock = clock;
    this.#lastHeardMs = clock.monotonic();
    // Of a connection that we open nothing is awaited but that it stands.
    this.#awaitedSinceMs = socket.connecting ? undefined : this.#lastHeardMs;
    this.#isStanding = !socket.connecting;
    if (socket.connecting)
      socket.once(transport === 'tls' ? 'secureConnect' : 'connect', () => (this.#isStanding = true));
    this.#look = clock.every(TCP_LIMITS.lookEveryMs, () => this.#lookAtTimes());
    socket.on('data', (chunk) => this.#hear(chunk));
    socket.on('end', () => socket.end());
    socket.on('error', (error) => {
      log.debug('SIP connection failed', { with: flowLabel(this), error: error.message });
      this.close(error.message);
    });
    socket.on('close', () => this.close('the connection was closed'));
  }

  get isOpen(): boolean {
    return !this.#closed.isClosed && this.#socket.writable;
  }

  send(bytes: Buffer, onFailed?: (why: string) => void): void {
    if (!this.isOpen) return onFailed?.('the connection is closed');
    if (this.#socket.writableLength > TCP_LIMITS.unsentBytes) return this.close('the peer does not read');
    if (onFailed) this.#failures.add(onFailed);
    this.#socket.write(bytes, () => {
      if (onFailed) this.#failures.delete(onFailed);
    });
  }

  onClosed(listener: () => void): () => void {
    return this.#closed.onClosed(listener);
  }

  /** Sends what is waiting, then closes. */
  end(): void {
    this.#socket.end();
    this.#socket.destroySoon();
  }

  close(why: string): void {
    if (this.#closed.isClosed) return;
    this.#look.cancel();
    this.#socket.destroy();
    const failures = [...this.#failures];
    this.#failures.clear();
    for (const onFailed of failures) onFailed(why);
    this.#closed.close();
  }

  #hear(chunk: Buffer): void {
    this.#lastHeardMs = this.#clock.monotonic();
    let frames = 0;
    for (const frame of this.#framer.push(chunk)) {
      frames += 1;
      if (frame.kind === 'ping') this.send(Buffer.from('\r\n'));
      else if (frame.kind === 'message') this.#intake.framed(frame.head, frame.body, this);
      else {
        this.#intake.broken(this, frame.complaint);
        return this.close(frame.complaint);
      }
      if (this.#closed.isClosed) return;
    }
    if (!this.#framer.isInsideMessage) this.#awaitedSinceMs = undefined;
    else if (frames > 0 || this.#awaitedSinceMs === undefined) this.#awaitedSinceMs = this.#lastHeardMs;
  }

  #lookAtTimes(): void {
    const now = this.#clock.monotonic();
    if (!this.#isStanding) return this.close('the connection did not stand in time');
    if (this.#awaitedSinceMs !== undefined && now - this.#awaitedSinceMs >= TCP_LIMITS.messageMs)
      return this.close('the message did not come in time');
    if (now - this.#lastHeardMs >= TCP_LIMITS.idleMs) this.close('the connection was idle');
  }
}
