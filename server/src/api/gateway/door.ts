import {
  DeviceAlarm,
  DeviceHeartbeat,
  DeviceLocation,
  DeviceReading,
  GatewayCommandResult,
  GatewayEvent,
  GatewayOnline,
  readTopic,
  topics,
  type GatewayCommand,
} from '@tocsin/protocol/gateway.ts';
import type { NewGatewayCommand } from '#calls/gateway-resources.ts';
import { hearDevice } from '#dispatch/hear-device.ts';
import { hearGateway } from '#dispatch/hear-gateway.ts';
import type { Desk } from '#dispatch/desk.ts';
import type { Chance } from '#kernel/chance.ts';
import type { Log } from '#kernel/log.ts';
import type { Mqtt } from '#mqtt/client.ts';

/** Sends commands to gateways. */
export class GatewayCommands {
  readonly #mqtt: Mqtt;
  readonly #site: string;
  readonly #chance: Chance;
  readonly #log: Log;

  constructor({ mqtt, site, chance, log }: { mqtt: Mqtt; site: string; chance: Chance; log: Log }) {
    this.#mqtt = mqtt;
    this.#site = site;
    this.#chance = chance;
    this.#log = log;
  }

  /** A command that matters only now: keying, a test. */
  send(gateway: string, command: NewGatewayCommand): void {
    void this.sendDurable(gateway, { ...command, command: this.#chance.id('cmd') } as GatewayCommand).catch(
      (error: unknown) => this.#log.error('command to gateway not sent', { gateway, kind: command.kind, error }),
    );
  }

  /** A command with an id of its own, so that it can be sent again. Resolves when the broker has it. */
  async sendDurable(gateway: string, command: GatewayCommand): Promise<void> {
    await this.#mqtt.publish(topics.gateway(this.#site, gateway, 'command'), command, { qos: 1 });
  }
}

/** Listens to every device and gateway of the site; a message is acknowledged when what it says is durable. */
export async function openGatewayDoor(mqtt: Mqtt, desk: Desk): Promise<void> {
  const site = desk.directory.site.id;
  mqtt.on('malformed', ({ topic, why, bytes }) => {
    desk.log.warn('malformed message on the broker', { topic, why, bytes });
    void desk.timeline
      .append({
        kind: 'gateway.message-malformed',
        data: { topic: topic.slice(0, 200), why: why.slice(0, 300), bytes },
      })
      .catch((error: unknown) => desk.log.error('timeline entry lost', { error }));
  });
  await mqtt.subscribe(`tocsin/${site}/gateway/+/online`, GatewayOnline, async ({ topic, body }) =>
    hearGateway.online(idOf(topic), body, desk),
  );
  await mqtt.subscribe(
    `tocsin/${site}/gateway/+/event`,
    GatewayEvent,
    async ({ topic, body }) => await hearGateway.event(idOf(topic), body, desk),
  );
  await mqtt.subscribe(
    `tocsin/${site}/gateway/+/command-result`,
    GatewayCommandResult,
    async ({ topic, body }) => await hearGateway.commandResult(idOf(topic), body, desk),
  );
  const device = (what: string) => `tocsin/${site}/device/+/${what}`;
  await mqtt.subscribe(
    device('alarm'),
    DeviceAlarm,
    async ({ topic, body }) => await hearDevice.alarm(idOf(topic), body, desk),
  );
  await mqtt.subscribe(
    device('heartbeat'),
    DeviceHeartbeat,
    async ({ topic, body }) => await hearDevice.heartbeat(idOf(topic), body, desk),
  );
  await mqtt.subscribe(
    device('location'),
    DeviceLocation,
    async ({ topic, body }) => await hearDevice.location(idOf(topic), body, desk),
  );
  await mqtt.subscribe(
    device('reading'),
    DeviceReading,
    async ({ topic, body }) => await hearDevice.reading(idOf(topic), body, desk),
  );
  await mqtt.listen();
}

function idOf(topic: string): string {
  return readTopic(topic)?.id ?? '';
}
