import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';

import { type WebSocket, WebSocketServer } from 'ws';

import type { Clock, Timer } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import { MESSAGE_LIMITS } from '../message/parse.ts';
import { ClosedSignal } from './closed-signal.ts';
import { type Address, type Flow, flowLabel, peerHost } from './flow.ts';
import { type Intake, isKeepAlive } from './intake.ts';

/** Connections over the number are refused with 503; one that misses two pings is closed. */
const WEB_SOCKET_LIMITS = { connections: 2000, pingEveryMs: 25_000, unsentBytes: 1024 * 1024 } as const;

/** SIP over WebSocket (RFC 7118). It does not listen: the HTTP server hands over upgraded sockets. */
export class WebSocketTransport implements AsyncDisposable {
  readonly #server = new WebSocketServer({
    noServer: true,
    maxPayload: MESSAGE_LIMITS.headBytes + MESSAGE_LIMITS.bodyBytes,
    handleProtocols: (offered) => (offered.has('sip') ? 'sip' : false),
  });
  readonly #connections = new Set<WebSocketConnection>();
  readonly #intake: Intake;
  readonly #clock: Clock;
  readonly #log: Log;

  constructor(intake: Intake, clock: Clock, log: Log) {
    this.#intake = intake;
    this.#clock = clock;
    this.#log = log;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Takes an HTTP upgrade; one that does not offer the subprotocol `sip` is refused with 400 (RFC 7118 §4.1). */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
    if (!offered.includes('sip')) return refuseUpgrade(socket, '400 Bad Request');
    if (this.#connections.size >= WEB_SOCKET_LIMITS.connections) {
      this.#log.warn('SIP WebSocket refused: too many');
      return refuseUpgrade(socket, '503 Service Unavailable');
    }
    const remote = { host: peerHost(request.socket.remoteAddress), port: request.socket.remotePort ?? 0 };
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      const isSecure = request.socket instanceof TLSSocket;
      const connection = new WebSocketConnection(webSocket, isSecure, remote, this.#intake, this.#clock, this.#log);
      this.#connections.add(connection);
      connection.onClosed(() => this.#connections.delete(connection));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections) connection.close();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

function refuseUpgrade(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

class WebSocketConnection implements Flow {
  readonly transport = 'ws';
  readonly isReliable = true;
  readonly isSecureWebSocket: boolean;
  readonly remote: Address;
  readonly #webSocket: WebSocket;
  readonly #closed = new ClosedSignal();
  readonly #pings: Timer;
  #isAlive = true;

  constructor(webSocket: WebSocket, isSecure: boolean, remote: Address, intake: Intake, clock: Clock, log: Log) {
    this.#webSocket = webSocket;
    this.isSecureWebSocket = isSecure;
    this.remote = remote;
    webSocket.on('message', (data: Buffer) => {
      this.#isAlive = true;
      if (isKeepAlive(data)) this.send(Buffer.from('\r\n'));
      else intake.datagram(data, this);
    });
    webSocket.on('pong', () => (this.#isAlive = true));
    webSocket.on('error', (error) =>
      log.debug('SIP WebSocket failed', { with: flowLabel(this), error: error.message }),
    );
    webSocket.on('close', () => this.#end());
    this.#pings = clock.every(WEB_SOCKET_LIMITS.pingEveryMs, () => this.#ping());
  }

  get isOpen(): boolean {
    return this.#webSocket.readyState === this.#webSocket.OPEN;
  }

  send(bytes: Buffer, onFailed?: (why: string) => void): void {
    if (!this.isOpen) return onFailed?.('the WebSocket is closed');
    if (this.#webSocket.bufferedAmount > WEB_SOCKET_LIMITS.unsentBytes) {
      this.#webSocket.terminate();
      return onFailed?.('the peer does not read');
    }
    // Text frames: some browsers' stacks take nothing else, and SIP is UTF-8 text but for what latin1 peers send.
    this.#webSocket.send(bytes, { binary: false }, (error) => {
      if (error) onFailed?.(error.message);
    });
  }

  onClosed(listener: () => void): () => void {
    return this.#closed.onClosed(listener);
  }

  /** Says goodbye with 1001, going away. */
  close(): void {
    this.#webSocket.close(1001);
    // A peer that does not answer the goodbye is not waited for.
    this.#webSocket.terminate();
  }

  /** A browser that went to sleep or lost its network sends no FIN; two silent intervals end its connection. */
  #ping(): void {
    if (!this.#isAlive) return this.#webSocket.terminate();
    this.#isAlive = false;
    this.#webSocket.ping();
  }

  #end(): void {
    this.#pings.cancel();
    this.#closed.close();
  }
}
