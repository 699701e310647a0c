import { connect, type MqttClient } from 'mqtt';
import { MAX_BODY_BYTES } from '@tocsin/protocol/gateway.ts';
import { openGateway, type Gateway, type GatewayOptions } from '../../../kit/gateway.ts';
import { translate } from './translate.ts';

export interface AlarmTranslatorOptions extends Omit<GatewayOptions, 'kind'> {
  /** The broker of the devices' own system; absent: ours. */
  sourceUrl?: string;
  /** Which topic there is which device here. */
  devices: { topic: string; device: string }[];
}

/** Makes our alarms and heartbeats of what buttons and detectors of other makers publish on MQTT. */
export async function startAlarmTranslator(options: AlarmTranslatorOptions): Promise<AlarmTranslator> {
  return new AlarmTranslator(options, await openGateway({ ...options, kind: 'alarm' }));
}

export class AlarmTranslator implements AsyncDisposable {
  readonly gateway: Gateway;
  readonly #options: AlarmTranslatorOptions;
  readonly #source: MqttClient;
  /** Kinds that stand now, per device: only their beginning is an alarm. */
  readonly #standing = new Map<string, Set<string>>();
  #malformed = 0;

  /** Use startAlarmTranslator. */
  constructor(options: AlarmTranslatorOptions, gateway: Gateway) {
    this.gateway = gateway;
    this.#options = options;
    gateway.announce(options.devices.map(({ device }) => ({ id: device, kind: 'device', state: 'ready' })));
    gateway.onCommand('self-test', async ({ resource }) => this.#test(resource), { afterCrash: 'again' });
    this.#source = connect(options.sourceUrl ?? options.mqttUrl, {
      clientId: `translator-${options.id}-${options.chance.token(4)}`,
      ...(options.sourceUrl ? {} : options.credentials),
      reconnectPeriod: 1000,
    });
    this.#source.on('error', () => {});
    this.#source.on('connect', () =>
      this.#source.subscribe(
        options.devices.map(({ topic }) => topic),
        { qos: 1 },
      ),
    );
    this.#source.on('message', (topic, payload) => this.#hear(topic, payload));
  }

  snapshot() {
    return { ...this.gateway.snapshot(), malformed: this.#malformed, isSourceConnected: this.#source.connected };
  }

  async [Symbol.asyncDispose]() {
    await this.#source.endAsync(!this.#source.connected).catch(() => {});
    await this.gateway[Symbol.asyncDispose]();
  }

  #hear(topic: string, payload: Buffer) {
    const { clock, log } = this.#options;
    const device = this.#options.devices.find((each) => each.topic === topic)?.device;
    if (!device) return;
    const said = payload.length <= MAX_BODY_BYTES ? translate(parse(payload)) : undefined;
    if (!said) {
      this.#malformed += 1;
      log.warn('foreign device message malformed', { topic, bytes: payload.length });
      return;
    }
    const { batteryPercent, signalDbm, location } = said;
    const standing = this.#standing.get(device) ?? new Set();
    for (const alarm of said.alarms) {
      // A key press is its own event; a detector's flag stands until it is taken back.
      if (alarm.kind !== 'one-key' && standing.has(alarm.kind)) continue;
      this.gateway
        .publishAlarm(device, {
          ...alarm,
          ...(location && { location }),
          ...(batteryPercent !== undefined && { batteryPercent }),
        })
        .catch((error: unknown) => log.error('alarm not stored', { device, error }));
    }
    this.#standing.set(device, new Set(said.alarms.map(({ kind }) => kind)));
    this.gateway.publishDevice(device, 'heartbeat', { at: clock.now(), batteryPercent, signalDbm });
    if (location) this.gateway.publishDevice(device, 'location', { ...location, atMs: clock.now() });
  }

  #test(resource: string) {
    if (!this.#options.devices.some(({ device }) => device === resource))
      return { outcome: 'refused' as const, because: `there is no device "${resource}"` };
    return this.#source.connected
      ? { outcome: 'done' as const }
      : { outcome: 'refused' as const, because: "the devices' broker cannot be reached" };
  }
}

function parse(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString('utf8'));
  } catch {
    return undefined;
  }
}
