import { connect, type MqttClient as Connection } from 'mqtt';
import type { Chance } from '#kernel/chance.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Listenable } from '#kernel/emitter.ts';
import { Emitter } from '#kernel/emitter.ts';
import type { Log } from '#kernel/log.ts';
import type { Broker } from './broker.ts';
import { Subscriptions, type BodySchema, type MalformedMessage, type MqttHandler } from './subscriptions.ts';
import { isFilter, isTopic } from './topic-filter.ts';

export const MQTT_LIMITS = {
  /** Bytes of a body; a larger one is dropped and counted as malformed. */
  bodyBytes: 64 * 1024,
  /** Messages published and not yet acknowledged; the next publish is refused. */
  publishesInFlight: 5000,
  /** Seconds between keep-alives to an outside broker. */
  keepAliveS: 10,
  reconnectFirstMs: 250,
  reconnectLongestMs: 10_000,
  /** openMqtt waits at most so long for the first connection, then returns unconnected and goes on trying. */
  firstConnectWithinMs: 5000,
} as const;

export type MqttEvents = {
  connected: [];
  disconnected: [{ why: string }];
  malformed: [MalformedMessage];
};

/** The server's line to the broker: JSON bodies, checked, with handlers that may take their time. */
export interface Mqtt extends AsyncDisposable, Listenable<MqttEvents> {
  readonly state: 'connected' | 'connecting' | 'closed';
  /**
   * Publishes `body` as JSON.
   * @returns when the broker has it (QoS 1), or it is on its way (QoS 0)
   * @throws when the line is closed, the body is too large, or too many publishes are in flight
   */
  publish(topic: string, body: unknown, options?: { qos?: 0 | 1; retain?: boolean }): Promise<void>;
  /**
   * Calls `handler` with each message that matches `filter` and whose body `schema` accepts. The message is
   * acknowledged when the handler's promise resolves; when it rejects, the sender (embedded broker) or the broker
   * (outside) sends it again, so handlers drop doubles by the id in the body.
   * @returns a function that ends the subscription
   */
  subscribe<Body>(filter: string, schema: BodySchema<Body>, handler: MqttHandler<Body>): Promise<() => Promise<void>>;
  /**
   * Every subscription is there: from now on messages are handed to their handlers. Until then none is acknowledged, or one
   * that came between two subscriptions would be taken for one that nobody wants.
   * @returns when the broker knows the subscriptions, or as soon as there is no connection
   */
  listen(): Promise<void>;
  snapshot(): Record<string, unknown>;
}

export interface MqttOptions {
  /** An outside broker, `mqtt://` or `mqtts://` … */
  url?: string;
  username?: string;
  password?: string;
  /** Fixed and unique when the outside broker shall keep what came while the server was away; absent: a fresh one and no such memory. */
  clientId?: string;
  /** … or the embedded one of this process, joined without a socket. */
  broker?: Broker;
  clock: Clock;
  chance: Chance;
  log: Log;
}

/** Opens the server's line to the broker. Reconnects by itself for as long as it is open. */
export async function openMqtt(options: MqttOptions): Promise<Mqtt> {
  if (options.broker) return new JoinedMqtt(options.broker, options.log);
  if (!options.url) throw new TypeError('openMqtt needs a url or a broker');
  const line = new RemoteMqtt(options as MqttOptions & { url: string });
  await line.firstConnect();
  return line;
}

/** The line within the process: handlers are called before the sender gets its acknowledgement. */
class JoinedMqtt implements Mqtt {
  readonly #emitter = new Emitter<MqttEvents>();
  readonly #broker: Broker;
  readonly #subscriptions: Subscriptions;
  #isListening = false;
  #isClosed = false;
  on = this.#emitter.on.bind(this.#emitter);
  once = this.#emitter.once.bind(this.#emitter);

  constructor(broker: Broker, log: Log) {
    this.#broker = broker;
    this.#subscriptions = new Subscriptions({ maxBodyBytes: MQTT_LIMITS.bodyBytes, log });
    this.#subscriptions.events.on('malformed', (message) => this.#emitter.emit('malformed', message));
  }

  get state() {
    return this.#isClosed ? 'closed' : 'connected';
  }

  async publish(topic: string, body: unknown, options: { qos?: 0 | 1; retain?: boolean } = {}) {
    if (this.#isClosed) throw new Error('the line to the broker is closed');
    await this.#broker.publish(topic, encode(body), options);
  }

  async subscribe<Body>(filter: string, schema: BodySchema<Body>, handler: MqttHandler<Body>) {
    if (!isFilter(filter)) throw new TypeError(`"${filter}" is not a topic filter`);
    const end = this.#subscriptions.add(filter, schema, handler);
    for (const { topic, payload } of this.#broker.retained(filter)) {
      const value = safeJson(payload);
      const parsed = schema.safeParse(value);
      if (parsed.success) await handler({ topic, body: parsed.data, isRetained: true });
    }
    return async () => {
      end();
    };
  }

  async listen() {
    this.#broker.attach((topic, payload, isRetained) => this.#subscriptions.deliver(topic, payload, isRetained));
    this.#isListening = true;
  }

  snapshot() {
    return { state: this.state, broker: this.#broker.snapshot(), ...this.#subscriptions.snapshot() };
  }

  async [Symbol.asyncDispose]() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#isListening) this.#broker.detach();
  }
}

/** The line to an outside broker (the mqtt library's home). */
class RemoteMqtt implements Mqtt {
  readonly #emitter = new Emitter<MqttEvents>();
  readonly #subscriptions: Subscriptions;
  readonly #connection: Connection;
  readonly #options: MqttOptions & { url: string };
  readonly #listening = Promise.withResolvers<void>();
  readonly #subscribing = new Set<Promise<unknown>>();
  #inFlight = 0;
  #reconnects = 0;
  #isClosed = false;
  #lastError = '';
  on = this.#emitter.on.bind(this.#emitter);
  once = this.#emitter.once.bind(this.#emitter);

  constructor(options: MqttOptions & { url: string }) {
    this.#options = options;
    this.#subscriptions = new Subscriptions({ maxBodyBytes: MQTT_LIMITS.bodyBytes, log: options.log });
    this.#subscriptions.events.on('malformed', (message) => this.#emitter.emit('malformed', message));
    this.#connection = connect(options.url, {
      clientId: options.clientId ?? `tocsin-server-${options.chance.token(6)}`,
      clean: options.clientId === undefined,
      username: options.username,
      password: options.password,
      keepalive: MQTT_LIMITS.keepAliveS,
      reconnectPeriod: MQTT_LIMITS.reconnectFirstMs,
      connectTimeout: MQTT_LIMITS.firstConnectWithinMs,
      queueQoSZero: false,
    });
    this.#wire();
  }

  get state() {
    if (this.#isClosed) return 'closed';
    return this.#connection.connected ? 'connected' : 'connecting';
  }

  async firstConnect(): Promise<void> {
    if (this.#connection.connected) return;
    await new Promise<void>((resolve) => {
      const timer = this.#options.clock.after(MQTT_LIMITS.firstConnectWithinMs, resolve);
      this.#connection.once('connect', () => {
        timer.cancel();
        resolve();
      });
    });
  }

  async publish(topic: string, body: unknown, { qos = 1, retain = false }: { qos?: 0 | 1; retain?: boolean } = {}) {
    if (!isTopic(topic)) throw new TypeError(`"${topic}" is not a topic`);
    if (this.#isClosed) throw new Error('the line to the broker is closed');
    if (this.#inFlight >= MQTT_LIMITS.publishesInFlight)
      throw new Error(`${this.#inFlight} messages wait for the broker; no more are taken`);
    this.#inFlight += 1;
    try {
      await this.#connection.publishAsync(topic, encode(body), { qos, retain });
    } finally {
      this.#inFlight -= 1;
    }
  }

  async subscribe<Body>(filter: string, schema: BodySchema<Body>, handler: MqttHandler<Body>) {
    if (!isFilter(filter)) throw new TypeError(`"${filter}" is not a topic filter`);
    const end = this.#subscriptions.add(filter, schema, handler);
    // The broker's answer stands behind whatever it has kept for us, and that is taken when we listen.
    const subscribing = this.#connection
      .subscribeAsync(filter, { qos: 1 })
      .catch((error: unknown) => this.#options.log.warn('mqtt subscribe failed', { filter, error }))
      .finally(() => this.#subscribing.delete(subscribing));
    this.#subscribing.add(subscribing);
    return async () => {
      end();
      if (!this.#isClosed && !this.#subscriptions.hasFilter(filter)) await this.#connection.unsubscribeAsync(filter);
    };
  }

  async listen() {
    this.#listening.resolve();
    // Not waited for while there is no connection: the library subscribes again by itself at every connect.
    if (this.#connection.connected) await Promise.all(this.#subscribing);
  }

  snapshot() {
    const { url } = this.#options;
    return {
      state: this.state,
      url: url.replace(/\/\/[^@/]*@/, '//'),
      inFlight: this.#inFlight,
      reconnects: this.#reconnects,
      lastError: this.#lastError,
      ...this.#subscriptions.snapshot(),
    };
  }

  async [Symbol.asyncDispose]() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#connection.endAsync(!this.#connection.connected).catch(() => {});
  }

  #wire() {
    const { log } = this.#options;
    const connection = this.#connection;
    // The library sends the acknowledgement when this callback is called without an error (MQTT 3.1.1 §4.3.2).
    connection.handleMessage = (packet, done) => {
      const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
      const deliver = () => this.#subscriptions.deliver(packet.topic, payload, packet.retain === true);
      this.#listening.promise.then(deliver).then(
        () => done(),
        (error: Error) => {
          // Not acknowledged: the broker sends it again on the next connection, which is made at once.
          done(error);
          connection.reconnect();
        },
      );
    };
    connection.on('connect', () => {
      connection.options.reconnectPeriod = MQTT_LIMITS.reconnectFirstMs;
      log.info('mqtt connected', {});
      this.#emitter.emit('connected');
    });
    connection.on('error', (error) => {
      this.#lastError = error.message || String((error as NodeJS.ErrnoException).code);
    });
    connection.on('close', () => {
      const period = connection.options.reconnectPeriod ?? MQTT_LIMITS.reconnectFirstMs;
      connection.options.reconnectPeriod = Math.min(MQTT_LIMITS.reconnectLongestMs, period * 2);
      if (this.#isClosed) return;
      this.#reconnects += 1;
      log.warn('mqtt disconnected', { why: this.#lastError });
      this.#emitter.emit('disconnected', { why: this.#lastError || 'the connection was lost' });
    });
  }
}

function encode(body: unknown): Buffer {
  const bytes = Buffer.from(JSON.stringify(body));
  if (bytes.length > MQTT_LIMITS.bodyBytes)
    throw new RangeError(`a body of ${bytes.length} bytes; the limit is ${MQTT_LIMITS.bodyBytes}`);
  return bytes;
}

function safeJson(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString('utf8'));
  } catch {
    return undefined;
  }
}
