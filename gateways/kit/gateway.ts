import { join } from 'node:path';
import { connect, type MqttClient } from 'mqtt';
import {
  GatewayCommand,
  MAX_BODY_BYTES,
  topics,
  type DeviceAlarm,
  type DeviceReading,
  type GatewayCommandResult,
  type GatewayEvent,
  type GatewayOnline,
  type GatewayResource,
} from '@tocsin/protocol/gateway.ts';
import type { Chance } from '@tocsin/server/kernel/chance.ts';
import type { Clock, Timer } from '@tocsin/server/kernel/clock.ts';
import { sleep } from '@tocsin/server/kernel/clock.ts';
import type { Log } from '@tocsin/server/kernel/log.ts';
import { Faults } from './faults.ts';
import { openCommandLedger, type CommandLedger } from './command-ledger.ts';
import { openOutbox, type Outbox, type Outgoing } from './outbox.ts';

export const KIT_LIMITS = {
  /** `online` is sent again after this time, on loopback and elsewhere. */
  heartbeatOnLoopbackMs: 2000,
  heartbeatMs: 10_000,
  /**
   * Seconds of silence after which the MQTT connection is tested; the broker gives the gateway up after one and a half times as
   * many (MQTT 3.1.1 §3.1.2.10). On loopback a process that dies is known at once; beyond it a cable may be cut.
   */
  keepAliveOnLoopbackS: 5,
  keepAliveS: 1,
  reconnectFirstMs: 200,
  reconnectLongestMs: 5000,
  /** At the end, this long is waited for handlers and for the broker's acknowledgements. */
  finishWithinMs: 5000,
  /** Commands worked on at the same time; more are refused. */
  commandsAtOnce: 5000,
} as const;

export interface GatewayOptions {
  /** The id it announces itself under: topics `tocsin/<site>/gateway/<id>/…`. */
  id: string;
  kind: GatewayOnline['kind'];
  bearer?: GatewayOnline['bearer'];
  site: string;
  mqttUrl: string;
  credentials?: { username: string; password: string };
  /** Seconds; absent: KIT_LIMITS. A line that is paid for by the byte wants more. */
  keepAliveS?: number;
  /** Demonstrations and exercises only: takes the command `inject-fault`, on its resources and on itself. */
  areFaultsAllowed?: boolean;
  /** Where its journals are: `<id>.outbox.jsonl` and `<id>.commands.jsonl`. */
  journalFolder: string;
  clock: Clock;
  chance: Chance;
  log: Log;
}

/** How long an injected cut of a gateway's own way lasts, and at most. */
const CUT_FOR_MS = 10_000;
const CUT_FOR_AT_MOST_MS = 300_000;

type CommandKind = GatewayCommand['kind'];
type CommandOf<Kind extends CommandKind> = Extract<GatewayCommand, { kind: Kind }>;
type Handler<Kind extends CommandKind> = (
  command: CommandOf<Kind>,
) => Promise<{ outcome: 'done' } | { outcome: 'refused'; because: string }>;

type EventBody = GatewayEvent extends infer Each
  ? Each extends GatewayEvent
    ? Omit<Each, 'event' | 'at'> & { event?: string }
    : never
  : never;

/** A gateway's life on the broker: it is online, hears commands, reports events, and loses neither in a crash. */
export interface Gateway extends AsyncDisposable {
  readonly id: string;
  readonly isConnected: boolean;
  /** What a gateway sends and takes goes through here, so that faults can be played. */
  readonly faults: Faults;
  /** Says what the gateway reaches; sent at once and with every heartbeat. */
  announce(resources: GatewayResource[], linkQualityPercent?: number): void;
  /** Changes one announced resource and reports it as an event when its state or detail is new. */
  setResource(resource: GatewayResource): void;
  /**
   * Reports an event: on the disk when the promise resolves, at the server at least once. Give `event` when the
   * same thing may be reported twice (the server drops the second); absent: a new id.
   */
  publish(event: EventBody): Promise<void>;
  /**
   * Handles commands of a kind, each id once: a repeat gets the first result again.
   * `afterCrash` says what happens to a command that a crash cut off: `again` for those that may be done twice without
   * harm or have a ledger of their own, `refuse` (with an outcome that says so) for the others.
   */
  onCommand<Kind extends CommandKind>(
    kind: Kind,
    handler: Handler<Kind>,
    options: { afterCrash: 'again' | 'refuse' },
  ): void;
  /** Passes on a device's alarm: on the disk when the promise resolves, at the server at least once. */
  publishAlarm(device: string, alarm: Omit<DeviceAlarm, 'kind'> & { kind: DeviceAlarm['kind'] }): Promise<void>;
  /** Passes on a gauge's value that comes once: on the disk when the promise resolves, at the server at least once. */
  publishReading(gauge: string, reading: DeviceReading & { at: number }): Promise<void>;
  /** Passes on what a device says of its moment; not stored, and lost while the server cannot be reached. */
  publishDevice(device: string, what: 'heartbeat' | 'location' | 'reading', body: unknown): void;
  /** Calls `run` each time the gateway has come online: the moment to say anew what is not stored. */
  onOnline(run: () => void): void;
  /** Waits until the broker has everything, at most so long. */
  flush(withinMs: number): Promise<boolean>;
  snapshot(): Record<string, unknown>;
}

/** Opens a gateway's life; resolves at once, connected or not. */
export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  await using opened = new AsyncDisposableStack();
  const log = options.log.with({ gateway: options.id });
  const outbox = opened.use(await openOutbox({ file: join(options.journalFolder, `${options.id}.outbox.jsonl`), log }));
  const ledger = opened.use(
    await openCommandLedger({ file: join(options.journalFolder, `${options.id}.commands.jsonl`), log }),
  );
  return new LivingGateway({ ...options, log }, outbox, ledger, opened.move());
}

class LivingGateway implements Gateway {
  readonly id: string;
  readonly faults: Faults;
  readonly #options: GatewayOptions;
  readonly #outbox: Outbox;
  readonly #ledger: CommandLedger;
  readonly #parts: AsyncDisposableStack;
  readonly #connection: MqttClient;
  readonly #heartbeatMs: number;
  readonly #heartbeat: Timer;
  readonly #handlers = new Map<CommandKind, { run: Handler<CommandKind>; afterCrash: 'again' | 'refuse' }>();
  readonly #running = new Set<Promise<void>>();
  #resources: GatewayResource[] = [];
  #linkQualityPercent: number | undefined;
  readonly #onOnline: (() => void)[] = [];
  #isEnding = false;
  #isListening = false;
  #malformed = 0;
  #reconnects = 0;

  constructor(options: GatewayOptions, outbox: Outbox, ledger: CommandLedger, parts: AsyncDisposableStack) {
    this.id = options.id;
    this.#options = options;
    const { areFaultsAllowed = false, clock, chance } = options;
    this.faults = new Faults({ isAllowed: areFaultsAllowed, clock, chance });
    this.#outbox = outbox;
    this.#ledger = ledger;
    this.#parts = parts;
    const host = new URL(options.mqttUrl).hostname.replace(/^\[|\]$/g, '');
    const isLoopback = host === 'localhost' || host === '::1' || host.startsWith('127.');
    this.#heartbeatMs = isLoopback ? KIT_LIMITS.heartbeatOnLoopbackMs : KIT_LIMITS.heartbeatMs;
    this.#connection = connect(options.mqttUrl, {
      clientId: `gateway-${options.id}-${options.chance.token(4)}`,
      ...options.credentials,
      clean: true,
      keepalive: options.keepAliveS ?? (isLoopback ? KIT_LIMITS.keepAliveOnLoopbackS : KIT_LIMITS.keepAliveS),
      reconnectPeriod: KIT_LIMITS.reconnectFirstMs,
      connectTimeout: 5000,
      queueQoSZero: false,
      // The outbox is what sends again; two such memories would send each message twice.
      resubscribe: false,
      will: {
        topic: this.#topic('online'),
        payload: Buffer.from(JSON.stringify(this.#offline())),
        qos: 1,
        retain: true,
      },
    });
    this.#wire();
    this.onCommand('inject-fault', async (command) => this.#inject(command), { afterCrash: 'refuse' });
    this.#heartbeat = options.clock.every(this.#heartbeatMs, () => this.#sayOnline());
  }

  get isConnected() {
    return this.#connection.connected;
  }

  announce(resources: GatewayResource[], linkQualityPercent?: number) {
    this.#resources = [...resources];
    this.#linkQualityPercent = linkQualityPercent;
    this.#sayOnline();
  }

  setResource(resource: GatewayResource) {
    const before = this.#resources.find(({ id, kind }) => id === resource.id && kind === resource.kind);
    const isSame = before?.state === resource.state && before.detail === resource.detail;
    if (isSame && before.presets?.length === resource.presets?.length) return;
    if (before) this.#resources[this.#resources.indexOf(before)] = resource;
    else this.#resources.push(resource);
    this.#sayOnline();
    this.publish({ kind: 'resource', resource }).catch((error: unknown) =>
      this.#options.log.error('event not stored', { error }),
    );
  }

  async publish(event: EventBody) {
    const { clock, chance } = this.#options;
    const body = { ...event, event: event.event ?? chance.id('ev'), at: clock.now() } as GatewayEvent;
    await this.#outbox.put({ what: 'event', body });
  }

  onCommand<Kind extends CommandKind>(kind: Kind, handler: Handler<Kind>, options: { afterCrash: 'again' | 'refuse' }) {
    this.#handlers.set(kind, { run: handler as unknown as Handler<CommandKind>, ...options });
  }

  async publishAlarm(device: string, alarm: DeviceAlarm) {
    const body = { at: this.#options.clock.now(), ...alarm, alarm: alarm.alarm ?? this.#options.chance.id('al') };
    await this.#outbox.put({ what: 'alarm', device, body });
  }

  async publishReading(gauge: string, reading: DeviceReading & { at: number }) {
    await this.#outbox.put({ what: 'reading', device: gauge, body: reading });
  }

  publishDevice(device: string, what: 'heartbeat' | 'location' | 'reading', body: unknown) {
    if (!this.#connection.connected) return;
    this.#connection.publish(topics.device(this.#options.site, device, what), JSON.stringify(body), { qos: 0 });
  }

  onOnline(run: () => void) {
    this.#onOnline.push(run);
  }

  async flush(withinMs: number) {
    return within(this.#options.clock, withinMs, this.#outbox.untilEmpty());
  }

  snapshot() {
    return {
      id: this.id,
      isConnected: this.isConnected,
      reconnects: this.#reconnects,
      malformed: this.#malformed,
      commandsRunning: this.#running.size,
      resources: this.#resources,
      outbox: this.#outbox.snapshot(),
    };
  }

  async [Symbol.asyncDispose]() {
    if (this.#isEnding) return;
    this.#isEnding = true;
    const { clock } = this.#options;
    this.#heartbeat.cancel();
    const finished = Promise.all([...this.#running]).then(() => this.#outbox.untilEmpty());
    if (this.isConnected) {
      await within(clock, KIT_LIMITS.finishWithinMs, finished);
      const goodBye = this.#connection.publishAsync(this.#topic('online'), JSON.stringify(this.#offline()), {
        qos: 1,
        retain: true,
      });
      await within(clock, 1000, goodBye);
    }
    // DISCONNECT takes the last will away (MQTT 3.1.1 §3.14.4).
    await within(clock, 1000, this.#connection.endAsync(!this.isConnected));
    await this.#parts.disposeAsync();
  }

  #wire() {
    const { log } = this.#options;
    const connection = this.#connection;
    connection.on('connect', () => {
      connection.options.reconnectPeriod = KIT_LIMITS.reconnectFirstMs;
      log.info('gateway connected', {});
      connection.subscribe(this.#topic('command'), { qos: 1 }, (error) => {
        // Only one who hears commands says that he is there.
        if (error) return log.error('gateway hears no commands', { error });
        this.#isListening = true;
        this.#sayOnline();
        for (const run of this.#onOnline) run();
      });
      this.#outbox.connect((message) => this.#send(message));
    });
    connection.on('close', () => {
      this.#outbox.connect(undefined);
      this.#isListening = false;
      const period = connection.options.reconnectPeriod ?? KIT_LIMITS.reconnectFirstMs;
      connection.options.reconnectPeriod = Math.min(KIT_LIMITS.reconnectLongestMs, period * 2);
      this.#reconnects += 1;
    });
    connection.on('error', (error) => log.debug('mqtt connection failed', { error }));
    connection.on('message', (_topic, payload) => {
      const command = this.#read(payload);
      if (!command) return;
      const work = this.#obey(command)
        .catch((error: unknown) => log.error('command failed', { command: command.command, error }))
        .finally(() => this.#running.delete(work));
      this.#running.add(work);
    });
  }

  async #send(message: Outgoing) {
    const topic =
      message.what === 'alarm' || message.what === 'reading'
        ? topics.device(this.#options.site, message.device, message.what)
        : this.#topic(message.what);
    await this.#connection.publishAsync(topic, JSON.stringify(message.body), { qos: 1 });
  }

  #read(payload: Buffer): GatewayCommand | undefined {
    const why = (() => {
      if (payload.length > MAX_BODY_BYTES) return `${payload.length} bytes`;
      try {
        const parsed = GatewayCommand.safeParse(JSON.parse(payload.toString('utf8')));
        return parsed.success ? parsed.data : parsed.error.issues[0]?.message;
      } catch (error) {
        return (error as Error).message;
      }
    })();
    if (typeof why === 'object') return why;
    this.#malformed += 1;
    this.#options.log.warn('command malformed', { why, body: payload.toString('utf8', 0, 200) });
    return undefined;
  }

  async #obey(command: GatewayCommand): Promise<void> {
    const id = command.command;
    const known = this.#ledger.look(id);
    if (known.kind === 'under-way') return;
    if (known.kind === 'ended') return this.#answer(known.result);

    const handler = this.#handlers.get(command.kind);
    const refuse = (because: string) => this.#conclude({ command: id, outcome: 'refused', because });
    if (!handler) return refuse(`a gateway of kind ${this.#options.kind} does not do ${command.kind}`);
    if (this.#isEnding) return;
    if (this.#running.size >= KIT_LIMITS.commandsAtOnce) return refuse('too many commands at the same time');
    if (known.kind === 'cut-off' && handler.afterCrash === 'refuse')
      return refuse('outcome unknown after restart; not done again');

    const begun = this.#ledger.begin(id);
    // What may be done twice need not wait for the disk, and a push-to-talk must not.
    if (handler.afterCrash === 'refuse') await begun;
    else begun.catch((error: unknown) => this.#options.log.error('command journal failed', { error }));
    let result: GatewayCommandResult;
    try {
      result = { command: id, ...(await handler.run(command)) };
    } catch (error) {
      this.#options.log.error('command handler failed', { command: id, error });
      result = { command: id, outcome: 'refused', because: `failed: ${(error as Error).message}`.slice(0, 300) };
    }
    await this.#conclude(result);
  }

  async #conclude(result: GatewayCommandResult) {
    await Promise.all([this.#ledger.end(result), this.#answer(result)]);
  }

  async #answer(result: GatewayCommandResult) {
    await this.#outbox.put({ what: 'command-result', body: result });
  }

  /** On one of its resources, or on the gateway itself: then `cut` takes its own way to the server for so many milliseconds. */
  #inject(command: Extract<GatewayCommand, { kind: 'inject-fault' }>) {
    const { resource, fault, amount = CUT_FOR_MS } = command;
    const isKnown = resource === this.id || this.#resources.some(({ id }) => id === resource);
    if (!isKnown) return { outcome: 'refused' as const, because: `there is no resource "${resource}" here` };
    if (resource !== this.id || fault === 'none' || fault === 'kill') return this.faults.inject(command);
    if (fault !== 'cut') return { outcome: 'refused' as const, because: 'a gateway itself can be cut or killed' };
    const outcome = this.faults.inject(command);
    if (outcome.outcome === 'done') this.#cutOff(Math.min(CUT_FOR_AT_MOST_MS, amount));
    return outcome;
  }

  #cutOff(forMs: number) {
    const { clock } = this.#options;
    clock.after(300, () => {
      this.#connection.options.reconnectPeriod = 0;
      this.#connection.stream.destroy();
      clock.after(forMs, () => {
        if (this.#isEnding) return;
        this.faults.inject({ resource: this.id, fault: 'none' });
        this.#connection.reconnect();
      });
    });
  }

  #sayOnline() {
    if (!this.#isListening || this.#isEnding) return;
    const { kind, bearer, clock } = this.#options;
    const body: GatewayOnline = {
      online: true,
      kind,
      ...(bearer && { bearer }),
      at: clock.now(),
      heartbeatMs: this.#heartbeatMs,
      resources: this.#resources,
      ...(this.#linkQualityPercent !== undefined && { linkQualityPercent: this.#linkQualityPercent }),
    };
    this.#connection.publish(this.#topic('online'), JSON.stringify(body), { qos: 0, retain: true });
  }

  #offline(): GatewayOnline {
    return { online: false, kind: this.#options.kind };
  }

  #topic(what: 'online' | 'event' | 'command' | 'command-result') {
    return topics.gateway(this.#options.site, this.id, what);
  }
}

/** Whether the promise settled in time; its failure counts as settled. */
async function within(clock: Clock, ms: number, work: Promise<unknown>): Promise<boolean> {
  const tooLate = new AbortController();
  const settled = work.then(
    () => true,
    () => true,
  );
  const timer = sleep(clock, ms, tooLate.signal).then(
    () => false,
    () => false,
  );
  const isInTime = await Promise.race([settled, timer]);
  tooLate.abort();
  return isInTime;
}
