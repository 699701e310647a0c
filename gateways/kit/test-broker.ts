import { createServer } from 'node:net';
import { Aedes } from 'aedes';
import { connectAsync } from 'mqtt';
import {
  topics,
  type GatewayCommand,
  type GatewayCommandResult,
  type GatewayEvent,
  type GatewayOnline,
} from '@tocsin/protocol/gateway.ts';
import {
  GatewayCommandResult as Result,
  GatewayEvent as Event,
  GatewayOnline as Online,
} from '@tocsin/protocol/gateway.ts';

/** For tests: a broker on loopback with the server's ear at it. Every body is checked against the protocol. */
export async function openTestBroker(site = 'test') {
  const aedes = await Aedes.createBroker();
  const server = createServer(aedes.handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const url = `mqtt://127.0.0.1:${port}`;
  const ear = await connectAsync(url);
  const heard = {
    online: [] as { gateway: string; body: GatewayOnline; isRetained: boolean }[],
    events: [] as (GatewayEvent & { gateway: string })[],
    results: [] as (GatewayCommandResult & { gateway: string })[],
    devices: [] as { device: string; what: string; body: unknown }[],
    malformed: [] as string[],
  };
  ear.on('message', (topic, payload, packet) => {
    const [, , noun, id, what] = topic.split('/') as [string, string, string, string, string];
    const body = JSON.parse(payload.toString('utf8')) as unknown;
    if (noun === 'device') return void heard.devices.push({ device: id, what, body });
    const schema = { online: Online, event: Event, 'command-result': Result }[what as 'event'];
    if (!schema) return;
    const parsed = schema.safeParse(body);
    if (!parsed.success)
      return void heard.malformed.push(`${topic} ${payload.toString('utf8')} ${parsed.error.message}`);
    if (what === 'online')
      heard.online.push({ gateway: id, body: parsed.data as unknown as GatewayOnline, isRetained: packet.retain });
    if (what === 'event') heard.events.push({ ...(parsed.data as GatewayEvent), gateway: id });
    if (what === 'command-result')
      heard.results.push({ ...(parsed.data as unknown as GatewayCommandResult), gateway: id });
  });
  await ear.subscribeAsync(`tocsin/${site}/#`, { qos: 1 });
  return {
    url,
    site,
    port,
    heard,
    /** Sends a command to a gateway. */
    command: (gateway: string, command: GatewayCommand) =>
      ear.publishAsync(topics.gateway(site, gateway, 'command'), JSON.stringify(command), { qos: 1 }),
    publish: (topic: string, body: unknown) => ear.publishAsync(topic, JSON.stringify(body), { qos: 1 }),
    /** Cuts every connection but the ear's, as a failing network does. */
    cutOthers() {
      const clients = (aedes as unknown as { clients: Record<string, { conn: { destroy(): void } }> }).clients;
      for (const [id, client] of Object.entries(clients)) if (id !== ear.options.clientId) client.conn.destroy();
    },
    async [Symbol.asyncDispose]() {
      await ear.endAsync(true);
      await new Promise<void>((resolve) => aedes.close(() => resolve()));
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

export type TestBroker = Awaited<ReturnType<typeof openTestBroker>>;

/** Waits until `check` gives something true; tests only. */
export async function until<Result>(
  check: () => Result | undefined | false | null,
  what = 'the expected',
  withinMs = 15_000,
): Promise<Result> {
  const endAt = performance.now() + withinMs;
  for (;;) {
    const result = check();
    if (result) return result;
    if (performance.now() > endAt) throw new Error(`${what} did not happen within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
