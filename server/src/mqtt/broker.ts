import { createServer, type Server, type Socket } from 'node:net';
import { timingSafeEqual } from 'node:crypto';
import { Aedes } from 'aedes';
import type { Chance } from '#kernel/chance.ts';
import type { Clock } from '#kernel/clock.ts';
import { DispatchError } from '#kernel/errors.ts';
import { Emitter } from '#kernel/emitter.ts';
import type { Log } from '#kernel/log.ts';
import { BoundedConnection } from './bounded-connection.ts';
import { mayPublish, mayRetain, maySubscribe, type MqttIdentity } from './rights.ts';
import { isFilter, isTopic, matches } from './topic-filter.ts';

export const BROKER_LIMITS = {
  /** Clients connected at the same time; the next connection is closed at once. */
  connections: 5000,
  /** Bytes of one MQTT packet; a larger one ends its connection, counted. Bodies are bounded more tightly where they are read. */
  packetBytes: 256 * 1024,
  /** Topics whose last message is kept; further ones are passed on but not kept. */
  retainedTopics: 10_000,
  /** A client that has not said CONNECT after this time is disconnected. */
  connectWithinMs: 10_000,
  /** A client that does not read what it subscribed to is disconnected after this time. */
  drainWithinMs: 20_000,
  /** A wrong password is answered after this time, so that guessing is slow. */
  refuseAfterMs: 1000,
  /** How long a message waits for the server to subscribe before its sender is disconnected (and sends it again). */
  waitForServerMs: 10_000,
} as const;

export interface BrokerOptions {
  /** Address to listen on. Off loopback, clients must show a user and a password. */
  host: string;
  /** 0 = chosen freely. */
  port: number;
  /** The site id: topics outside `tocsin/<site>/` are refused. */
  site: string;
  /**
   * Who this user and password are; undefined = nobody. Without it, clients on loopback are taken as anonymous and
   * all others are refused.
   */
  credentials?: (user: string, password: string) => Promise<MqttIdentity | undefined>;
  /** With `credentials` given: still take clients on loopback that show none. */
  anonymousOnLoopback?: boolean;
  clock: Clock;
  chance: Chance;
  log: Log;
}

type BrokerEvents = {
  /** A connection was ended because of what it sent. */
  refused: [{ remote: string; why: string }];
};

/** What the server itself hears: called for each message before its sender gets the acknowledgement. */
export type BrokerTap = (topic: string, payload: Uint8Array, isRetained: boolean) => Promise<void>;

type AedesClient = ReturnType<Aedes['handle']>;

/** The embedded MQTT 3.1.1 broker (aedes' home). It keeps no sessions: whoever was away asks again. */
export class Broker implements AsyncDisposable {
  readonly events: Emitter<BrokerEvents> = new Emitter();
  readonly address: { host: string; port: number };
  /** `mqtt://host:port`, for clients on this machine. */
  readonly url: string;
  /** With these a client of this process family is taken as the server. */
  readonly ownCredentials: { username: string; password: string };
  readonly #options: BrokerOptions;
  readonly #aedes: Aedes;
  readonly #server: Server;
  readonly #identities: WeakMap<object, MqttIdentity>;
  readonly #kept = new Map<string, Buffer>();
  readonly #counts = {
    published: 0,
    refusedPublishes: 0,
    refusedSubscriptions: 0,
    refusedLogins: 0,
    malformed: 0,
    notTaken: 0,
  };
  #tap: BrokerTap | undefined;
  #tapped = Promise.withResolvers<void>();

  /** Use openBroker. */
  constructor(options: BrokerOptions, parts: { aedes: Aedes; server: Server; port: number; password: string }) {
    this.#options = options;
    this.#aedes = parts.aedes;
    this.#server = parts.server;
    this.#identities = new WeakMap();
    this.address = { host: options.host, port: parts.port };
    const reachable = options.host === '0.0.0.0' || options.host === '::' ? '127.0.0.1' : options.host;
    this.url = `mqtt://${reachable.includes(':') ? `[${reachable}]` : reachable}:${parts.port}`;
    this.ownCredentials = { username: 'tocsin-server', password: parts.password };
    this.#wire();
  }

  /** Sends a message to all subscribers, the server's own included. */
  async publish(topic: string, payload: Buffer, options: { qos?: 0 | 1; retain?: boolean } = {}): Promise<void> {
    if (!isTopic(topic)) throw new TypeError(`"${topic}" is not a topic`);
    const { qos = 1, retain = false } = options;
    const keep = retain && this.#keep(topic, payload);
    await new Promise<void>((resolve, reject) =>
      this.#aedes.publish({ cmd: 'publish', topic, payload, qos, retain: keep, dup: false }, (error) =>
        error ? reject(error) : resolve(),
      ),
    );
    await this.#tap?.(topic, payload, false);
  }

  /**
   * The server listens, to everything that it wants to hear: `tap` hears every message of every client. A message with QoS 1 is acknowledged to its sender
   * when the tap has resolved, and its sender is disconnected when it rejects, so that it sends the message again.
   * Messages that come before there is a tap wait for it, within a limit.
   */
  attach(tap: BrokerTap): void {
    if (this.#tap) throw new Error('the broker has a tap already');
    this.#tap = tap;
    this.#tapped.resolve();
  }

  detach(): void {
    this.#tap = undefined;
    this.#tapped = Promise.withResolvers();
  }

  /** The kept messages whose topics match. */
  retained(filter: string): { topic: string; payload: Buffer }[] {
    return [...this.#kept].filter(([topic]) => matches(filter, topic)).map(([topic, payload]) => ({ topic, payload }));
  }

  snapshot() {
    return {
      address: this.address,
      connections: this.#aedes.connectedClients,
      retained: this.#kept.size,
      ...this.#counts,
    };
  }

  async [Symbol.asyncDispose]() {
    await new Promise<void>((resolve) => this.#aedes.close(() => resolve()));
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #wire() {
    const { clock, log, site } = this.#options;
    const aedes = this.#aedes;

    this.#server.on('connection', (socket: Socket) => {
      const remote = `${socket.remoteAddress}:${socket.remotePort}`;
      socket.setNoDelay(true);
      const refused = (why: string) => this.#refuse(remote, why);
      const connection = new BoundedConnection(socket, BROKER_LIMITS.packetBytes, refused);
      const client = aedes.handle(connection) as AedesClient & { remote?: string };
      client.remote = socket.remoteAddress ?? '';
    });

    aedes.preConnect = (_client, packet, done) => {
      // No sessions are kept: what an absent client missed would have to be bounded, and the server sends its
      // commands again anyway. The client learns it from "session present" = 0 (MQTT 3.1.1 §3.2.2.2).
      packet.clean = true;
      done(null, true);
    };

    aedes.authenticate = (client, username, password, done) => {
      const remote = (client as AedesClient & { remote?: string }).remote ?? '';
      this.#identify(remote, username, password?.toString('utf8')).then(
        (identity) => {
          if (identity) {
            this.#identities.set(client, identity);
            return done(null, true);
          }
          this.#counts.refusedLogins += 1;
          log.warn('mqtt log-in refused', { remote, user: username });
          const error = Object.assign(new Error('bad user name or password'), { returnCode: 4 });
          clock.after(BROKER_LIMITS.refuseAfterMs, () => done(error, false));
        },
        (error: unknown) => {
          log.error('mqtt credentials could not be checked', { error });
          done(Object.assign(new Error('server unavailable'), { returnCode: 3 }), false);
        },
      );
    };

    aedes.authorizePublish = (client, packet, done) => {
      const identity = client && this.#identities.get(client);
      if (!isTopic(packet.topic) || !identity || !mayPublish(identity, site, packet.topic)) {
        this.#counts.refusedPublishes += 1;
        log.warn('mqtt publish refused', { topic: packet.topic.slice(0, 200), client: client?.id, identity });
        return done(new Error(`may not publish on ${packet.topic.slice(0, 200)}`));
      }
      this.#counts.published += 1;
      const payload = Buffer.from(packet.payload);
      if (packet.retain) packet.retain = mayRetain(site, packet.topic) && this.#keep(packet.topic, payload);
      this.#take(packet.topic, payload, packet.qos > 0).then(() => done(null), done);
    };

    aedes.authorizeSubscribe = (client, subscription, done) => {
      const identity = this.#identities.get(client);
      if (!isFilter(subscription.topic) || !identity || !maySubscribe(identity, site, subscription.topic)) {
        this.#counts.refusedSubscriptions += 1;
        log.warn('mqtt subscription refused', {
          filter: subscription.topic.slice(0, 200),
          client: client.id,
          identity,
        });
        return done(null, null);
      }
      done(null, subscription);
    };

    aedes.on('connectionError', (client, error) =>
      this.#refuse((client as { remote?: string }).remote ?? '', error.message),
    );
    aedes.on('clientError', (client, error) =>
      this.#refuse((client as { remote?: string }).remote ?? '', error.message),
    );
  }

  async #identify(remote: string, user?: string, password?: string): Promise<MqttIdentity | undefined> {
    const { credentials, anonymousOnLoopback = !credentials } = this.#options;
    if (user === undefined) return isLoopback(remote) && anonymousOnLoopback ? { kind: 'anonymous' } : undefined;
    if (user === this.ownCredentials.username)
      return same(password ?? '', this.ownCredentials.password) ? { kind: 'server' } : undefined;
    if (!credentials) return isLoopback(remote) ? { kind: 'anonymous' } : undefined;
    return credentials(user, password ?? '');
  }

  /** Hands a message to the server. With `isCertain`, rejects unless the server has taken it. */
  async #take(topic: string, payload: Buffer, isCertain: boolean): Promise<void> {
    if (!this.#tap && isCertain) await this.#untilTapped();
    try {
      await this.#tap?.(topic, payload, false);
    } catch (error) {
      if (!isCertain) return;
      this.#counts.notTaken += 1;
      throw new Error('the server could not take the message', { cause: error });
    }
  }

  async #untilTapped(): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = this.#options.clock.after(BROKER_LIMITS.waitForServerMs, () => {
      this.#counts.notTaken += 1;
      late.reject(new Error('the server is not listening yet'));
    });
    try {
      await Promise.race([this.#tapped.promise, late.promise]);
    } finally {
      timer.cancel();
    }
  }

  /** Remembers the last message of a topic; false when it was not kept. */
  #keep(topic: string, payload: Buffer): boolean {
    if (payload.length === 0) return this.#kept.delete(topic) || true;
    if (!this.#kept.has(topic) && this.#kept.size >= BROKER_LIMITS.retainedTopics) return false;
    this.#kept.set(topic, payload);
    return true;
  }

  #refuse(remote: string, why: string) {
    // A peer that vanishes is everyday life, not a malformed one.
    if (/ECONNRESET|EPIPE|premature close|aborted|keep alive/i.test(why)) return;
    this.#counts.malformed += 1;
    this.#options.log.warn('mqtt connection ended', { remote, why });
    this.events.emit('refused', { remote, why });
  }
}

/**
 * Opens the embedded broker.
 * @throws DispatchError PORT_IN_USE
 */
export async function openBroker(options: BrokerOptions): Promise<Broker> {
  const aedes = await Aedes.createBroker({
    connectTimeout: BROKER_LIMITS.connectWithinMs,
    drainTimeout: BROKER_LIMITS.drainWithinMs,
    maxClientsIdLength: 128,
    queueLimit: 200,
  });
  const server = createServer();
  server.maxConnections = BROKER_LIMITS.connections;
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(options.port, options.host, resolve);
    });
  } catch (error) {
    await new Promise<void>((resolve) => aedes.close(() => resolve()));
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE')
      throw new DispatchError('PORT_IN_USE', `MQTT ${options.host}:${options.port}`, { cause: error });
    throw error;
  }
  const { port } = server.address() as { port: number };
  return new Broker(options, { aedes, server, port, password: options.chance.token(24) });
}

function isLoopback(address: string): boolean {
  return /^(?:::ffff:)?127\.|^::1$/.test(address);
}

function same(given: string, right: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}
