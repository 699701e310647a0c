import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { openAlarmGateway, type AlarmGateway, type AlarmGatewayOptions } from '../../alarm-gateway.ts';
import { mapMessage, type Mapping } from './mapping.ts';

export const WEBHOOK_LIMITS = {
  bodyBytes: 64 * 1024,
  connections: 500,
  /** A request must be complete within this time. */
  requestMs: 15_000,
  /** How far the sender's clock may be off, where the signature covers a time. */
  clockOffMs: 5 * 60_000,
} as const;

/** One foreign system that posts here, to `/hook/<id>`. */
export interface WebhookSource {
  id: string;
  /** Shared with the sender; HMAC-SHA256 over the body is the signature. */
  secret: string;
  signature: {
    /** The header that carries it; hexadecimal digits or base64. */
    header: string;
    /** What stands before it, as `sha256=`. */
    prefix: string;
    /** The header with the time of sending in seconds; the signature is over `<time>.<body>` then, and old ones are refused. */
    timeHeader?: string;
  };
  mapping: Mapping;
}

export interface WebhookReceiverOptions extends AlarmGatewayOptions {
  host: string;
  /** 0 = chosen freely. */
  port: number;
  sources: WebhookSource[];
}

interface Answer {
  status: 200 | 400 | 401 | 404 | 405 | 413 | 422 | 503;
  say: string;
}

/** Receives alarms of other systems by HTTP POST: signed bodies, read by a mapping. */
export async function startWebhookReceiver(options: WebhookReceiverOptions): Promise<WebhookReceiver> {
  await using opened = new AsyncDisposableStack();
  const server = createServer({ requestTimeout: WEBHOOK_LIMITS.requestMs, headersTimeout: WEBHOOK_LIMITS.requestMs });
  server.maxConnections = WEBHOOK_LIMITS.connections;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  opened.defer(() => new Promise<void>((resolve) => (server.close(() => resolve()), server.closeAllConnections())));
  const problem = () => (server.listening ? undefined : 'the HTTP door is closed');
  const alarms = opened.use(await openAlarmGateway({ ...options, protocol: 'webhook', problem }));
  return new WebhookReceiver(options, { server, alarms, parts: opened.move() });
}

export class WebhookReceiver implements AsyncDisposable {
  readonly port: number;
  readonly #options: WebhookReceiverOptions;
  readonly #alarms: AlarmGateway;
  readonly #parts: AsyncDisposableStack;

  /** Use startWebhookReceiver. */
  constructor(
    options: WebhookReceiverOptions,
    { server, alarms, parts }: { server: Server; alarms: AlarmGateway; parts: AsyncDisposableStack },
  ) {
    this.#options = options;
    this.#alarms = alarms;
    this.#parts = parts;
    this.port = (server.address() as { port: number }).port;
    server.on('request', (request, response) => {
      void this.#answer(request).then(({ status, say }) => {
        if (response.destroyed) return;
        // What was not read of a body must not be taken for the next request.
        response.writeHead(status, {
          'content-type': 'application/json',
          ...(status >= 400 && { connection: 'close' }),
        });
        response.end(JSON.stringify({ status: say }));
      });
    });
  }

  snapshot() {
    return { ...this.#alarms.snapshot(), port: this.port };
  }

  async [Symbol.asyncDispose]() {
    await this.#parts.disposeAsync();
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const answer = await this.#take(request);
    if (answer.status !== 200)
      this.#alarms.refuse(answer.say, { path: request.url?.slice(0, 80), status: answer.status });
    return answer;
  }

  async #take(request: IncomingMessage): Promise<Answer> {
    const path = (request.url ?? '').split('?')[0];
    const source = this.#options.sources.find(({ id }) => path === `/hook/${id}`);
    if (!source) return { status: 404, say: 'there is no such hook' };
    if (request.method !== 'POST') return { status: 405, say: 'only POST' };
    const body = await read(request);
    if (!body) return { status: 413, say: `the body is larger than ${WEBHOOK_LIMITS.bodyBytes} bytes, or was cut off` };
    const doubt = this.#doubtIn(request, body, source);
    if (doubt) return { status: 401, say: doubt };
    let parsed: unknown;
    try {
      parsed = JSON.parse(body.toString('utf8'));
    } catch {
      return { status: 400, say: 'the body is not JSON' };
    }
    const mapped = mapMessage(parsed, source.mapping);
    if (mapped.kind === 'unfit') return { status: 422, say: mapped.why };
    try {
      await this.#alarms.take(mapped.account, mapped.reports, mapped);
    } catch {
      return { status: 503, say: 'could not be stored; send it again' };
    }
    return { status: 200, say: 'taken' };
  }

  /** Why a message may not be from who it says; undefined when its signature is good. */
  #doubtIn(request: IncomingMessage, body: Buffer, { secret, signature }: WebhookSource): string | undefined {
    const { header, prefix, timeHeader } = signature;
    const given = headerOf(request, header);
    if (given === undefined) return `no signature in ${header}`;
    const hmac = createHmac('sha256', secret);
    if (timeHeader !== undefined) {
      const time = headerOf(request, timeHeader) ?? '';
      if (!/^\d{9,11}$/.test(time)) return `no time in ${timeHeader}`;
      if (Math.abs(this.#options.clock.now() - Number(time) * 1000) > WEBHOOK_LIMITS.clockOffMs)
        return 'signed too long ago';
      hmac.update(`${time}.`);
    }
    const right = hmac.update(body).digest();
    const text = given.startsWith(prefix) ? given.slice(prefix.length) : '';
    const said = Buffer.from(text, /^[0-9a-f]{64}$/i.test(text) ? 'hex' : 'base64');
    return said.length === right.length && timingSafeEqual(said, right) ? undefined : 'the signature does not fit';
  }
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name.toLowerCase()];
  return typeof value === 'string' ? value : undefined;
}

/** The whole body; undefined when it is larger than allowed or the sender went away. */
async function read(request: IncomingMessage): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const part of request as AsyncIterable<Buffer>) {
      bytes += part.length;
      if (bytes > WEBHOOK_LIMITS.bodyBytes) return undefined;
      parts.push(part);
    }
  } catch {
    return undefined;
  }
  return Buffer.concat(parts);
}
