import type { Timer } from '@tocsin/server/kernel/clock.ts';
import { openGateway, type Gateway, type GatewayOptions } from '../kit/gateway.ts';

/** Where readings come from: a simulator, a bus, a telemetry centre. */
export interface GaugeDriver {
  /** The value now; undefined when the gauge does not answer. */
  read(gauge: string): Promise<number | undefined>;
}

export interface SensorGatewayOptions extends Omit<GatewayOptions, 'kind'> {
  gauges: { id: string; unit: string }[];
  driver: GaugeDriver;
  /** Between two readings of a gauge; default 10 s. */
  everyMs?: number;
}

/** Reads every gauge in turn and publishes `device/<gauge>/reading`; a gauge that does not answer is shown as down. */
export async function startSensorGateway(options: SensorGatewayOptions): Promise<SensorGateway> {
  return new SensorGateway(options, await openGateway({ ...options, kind: 'sensor' }));
}

export class SensorGateway implements AsyncDisposable {
  readonly gateway: Gateway;
  readonly #options: SensorGatewayOptions;
  readonly #timer: Timer;
  #readings = 0;

  /** Use startSensorGateway. */
  constructor(options: SensorGatewayOptions, gateway: Gateway) {
    this.gateway = gateway;
    this.#options = options;
    gateway.announce(options.gauges.map(({ id }) => ({ id, kind: 'gauge', state: 'ready' })));
    gateway.onCommand('self-test', ({ resource }) => this.#test(resource), { afterCrash: 'again' });
    this.#timer = options.clock.every(options.everyMs ?? 10_000, () => void this.readAll());
    gateway.onOnline(() => void this.readAll());
  }

  /** Reads and publishes all gauges once, now. */
  async readAll(): Promise<void> {
    const { clock, driver, gauges } = this.#options;
    await Promise.all(
      gauges.map(async ({ id, unit }) => {
        const value = await driver.read(id).catch(() => undefined);
        if (value === undefined)
          return this.gateway.setResource({ id, kind: 'gauge', state: 'down', detail: 'does not answer' });
        this.gateway.setResource({ id, kind: 'gauge', state: 'ready' });
        this.#readings += 1;
        this.gateway.publishDevice(id, 'reading', { value, unit, at: clock.now() });
      }),
    );
  }

  snapshot() {
    return { ...this.gateway.snapshot(), readings: this.#readings };
  }

  async [Symbol.asyncDispose]() {
    this.#timer.cancel();
    await this.gateway[Symbol.asyncDispose]();
  }

  async #test(resource: string) {
    if (!this.#options.gauges.some(({ id }) => id === resource))
      return { outcome: 'refused' as const, because: `there is no gauge "${resource}"` };
    const value = await this.#options.driver.read(resource).catch(() => undefined);
    return value === undefined
      ? { outcome: 'refused' as const, because: 'the gauge does not answer' }
      : { outcome: 'done' as const };
  }
}
