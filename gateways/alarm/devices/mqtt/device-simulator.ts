import { connect, type MqttClient } from 'mqtt';
import { topics, type DeviceAlarm } from '@tocsin/protocol/gateway.ts';
import type { Chance } from '@tocsin/server/kernel/chance.ts';
import type { Clock, Timer } from '@tocsin/server/kernel/clock.ts';

export interface DeviceOptions {
  site: string;
  mqttUrl: string;
  credentials?: { username: string; password: string };
  id: string;
  /** Default 30 s. */
  heartbeatEveryMs?: number;
  location?: { latitude: number; longitude: number };
  clock: Clock;
  chance: Chance;
}

/** A one-key alarm device that speaks docs/protocol/gateway.md itself: heartbeats, a battery that ages, one key. */
export class DeviceSimulator implements AsyncDisposable {
  readonly id: string;
  readonly #options: DeviceOptions;
  readonly #connection: MqttClient;
  #heartbeat: Timer | undefined;
  #batteryPercent: number;
  #pressed = 0;

  constructor(options: DeviceOptions) {
    this.id = options.id;
    this.#options = options;
    this.#batteryPercent = 70 + Math.floor(options.chance.fraction() * 30);
    this.#connection = connect(options.mqttUrl, {
      clientId: `device-${options.id}-${options.chance.token(4)}`,
      ...options.credentials,
      reconnectPeriod: 1000,
    });
    this.#connection.on('error', () => {});
    this.#connection.on('connect', () => this.#beat());
    this.wake();
  }

  /**
   * Someone presses the key. @returns the alarm's id, once the broker has it; while there is no connection the device
   * keeps it and sends it as soon as there is.
   */
  async press(alarm: Partial<DeviceAlarm> = {}): Promise<string> {
    const { clock, chance, location } = this.#options;
    const id = alarm.alarm ?? chance.id('al');
    this.#pressed += 1;
    const body = {
      kind: 'one-key',
      at: clock.now(),
      ...(location && { location }),
      batteryPercent: this.#batteryPercent,
      ...alarm,
      alarm: id,
    };
    await this.#say('alarm', body);
    return id;
  }

  /** The device is carried about. */
  async move(latitude: number, longitude: number): Promise<void> {
    this.#options.location = { latitude, longitude };
    await this.#say('location', { latitude, longitude, atMs: this.#options.clock.now() });
  }

  setBattery(percent: number): void {
    this.#batteryPercent = percent;
    this.#beat();
  }

  /** No more heartbeats, as from a device without power. The server is to notice. */
  fallSilent(): void {
    this.#heartbeat?.cancel();
    this.#heartbeat = undefined;
  }

  wake(): void {
    this.#heartbeat ??= this.#options.clock.every(this.#options.heartbeatEveryMs ?? 30_000, () => this.#beat());
    this.#beat();
  }

  snapshot() {
    return {
      id: this.id,
      isConnected: this.#connection.connected,
      isSilent: !this.#heartbeat,
      batteryPercent: this.#batteryPercent,
      pressed: this.#pressed,
    };
  }

  async [Symbol.asyncDispose]() {
    this.fallSilent();
    await this.#connection.endAsync(!this.#connection.connected).catch(() => {});
  }

  #beat() {
    if (!this.#connection.connected || !this.#heartbeat) return;
    const { clock, chance } = this.#options;
    const signalDbm = -60 - Math.floor(chance.fraction() * 20);
    this.#say('heartbeat', {
      at: clock.now(),
      batteryPercent: this.#batteryPercent,
      signalDbm,
      firmware: 'simulator',
    }).catch(() => {});
  }

  async #say(what: 'alarm' | 'heartbeat' | 'location', body: unknown) {
    await this.#connection.publishAsync(topics.device(this.#options.site, this.id, what), JSON.stringify(body), {
      qos: what === 'heartbeat' ? 0 : 1,
    });
  }
}
