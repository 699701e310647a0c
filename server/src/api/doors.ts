import type { Duplex } from 'node:stream';
import type { IncomingMessage } from 'node:http';
import type { Desk } from '#dispatch/desk.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Mqtt } from '#mqtt/client.ts';
import type { UserAgent } from '#sip/user-agent/user-agent.ts';
import { openConsoleDoor } from './console/door.ts';
import { healthParts } from './health-parts.ts';
import { buildHttp } from './http/server.ts';

/** What the doors need of the configuration. */
export interface DoorConfig {
  host: string;
  advertisedHost?: string | undefined;
  httpPort: number;
  data: string;
  siteFolder: string;
  consoleFolder: string;
  /** PEM texts: the doors speak HTTPS and WSS. */
  tls?: { cert: string; key: string };
}

export interface Doors extends AsyncDisposable {
  readonly publicUrl: string;
  /** Lets people in: called when everything behind the doors is open. */
  welcome(): void;
}

/**
 * Opens HTTP, socket.io and SIP over WebSocket on one port. The port is taken at once, so that its number is known;
 * requests are answered 503 until `welcome`.
 * @throws DispatchError PORT_IN_USE
 */
export async function openDoors(parts: {
  config: DoorConfig;
  desk: Desk;
  userAgent: UserAgent;
  mqtt: Mqtt;
  /** Why the gateways' own process cannot work. */
  edgeProblem(): string | undefined;
}): Promise<Doors> {
  const { config, desk, userAgent } = parts;
  await using opened = new AsyncDisposableStack();
  const http = await buildHttp({
    desk,
    health: healthParts(parts),
    consoleFolder: config.consoleFolder,
    siteFolder: config.siteFolder,
    dataFolder: config.data,
    ...(config.tls ? { tls: config.tls } : {}),
  });
  opened.defer(() => http.close());
  let isWelcome = false;
  http.addHook('onRequest', async (_request, reply) => {
    if (!isWelcome) await reply.code(503).header('retry-after', '1').send({ code: 'INTERNAL', message: 'Starting' });
  });
  await http.listen({ host: config.host, port: config.httpPort }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE')
      throw new DispatchError('PORT_IN_USE', `HTTP ${config.httpPort}`, { cause: error });
    throw error;
  });
  const { port } = http.server.address() as { port: number };
  const publicUrl = `${config.tls ? 'https' : 'http'}://${config.advertisedHost ?? config.host}:${port}`;

  http.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const path = request.url?.split('?')[0];
    if (path === '/sip' && isWelcome) userAgent.handleWebSocketUpgrade(request, socket, head);
    else if (!path?.startsWith('/socket.io')) socket.destroy();
  });

  const closed = opened.move();
  return {
    publicUrl,
    welcome() {
      isWelcome = true;
      closed.use(openConsoleDoor(http.server, desk));
    },
    [Symbol.asyncDispose]: () => closed.disposeAsync(),
  };
}
