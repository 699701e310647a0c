import { readdir, readFile, rename, mkdir, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createHash, timingSafeEqual } from 'node:crypto';
import { basename, join } from 'node:path';
import type { Timer } from '@tocsin/server/kernel/clock.ts';
import { openGateway, type Gateway, type GatewayOptions } from '../kit/gateway.ts';
import { brokenRule, CAP_LIMITS, readAlert } from './read.ts';
import { openShelf, type Shelf } from './shelf.ts';
import { alertOf, warningOf, type PublishWarning } from './translate.ts';
import { writeAlert } from './write.ts';

export const CAP_GATEWAY_LIMITS = {
  /** Between two looks into the folder and at the feeds, unless told otherwise. */
  lookEveryMs: 5000,
  feedEveryMs: 60_000,
  /** A feed answers within this time. */
  feedWithinMs: 20_000,
  /** Files taken at one look; the rest wait for the next. */
  filesAtOnce: 100,
  /** Messages whose coming again is known. */
  remembered: 5000,
  connections: 200,
  /** Alerts that a feed's index may lead to at one look. */
  linksOfFeed: 50,
} as const;

export interface CapGatewayOptions extends Omit<GatewayOptions, 'kind'> {
  /** Who we are in what we publish; no blanks, commas, < or &. */
  sender: string;
  senderName: string;
  /** Of the times that we write. */
  utcOffsetHours?: number;
  /** Alerts are taken from files laid here, and the files are moved to `taken` or `refused` beside. */
  inFolder?: string;
  /** What we publish is kept here, one file a message. */
  outFolder: string;
  /** Where alerts are posted (`POST /cap`, with the token) and ours are read (`GET /cap`, an Atom feed); 0 = chosen freely. */
  host: string;
  port: number;
  /** Absent: nothing can be posted. */
  token?: string;
  /** Addresses that give an alert, or an Atom or RSS index of alerts. */
  feeds?: string[];
  feedEveryMs?: number;
}

/** CAP 1.2 both ways: alerts of others become warnings on the desk, warnings of the desk become alerts for others. */
export async function startCapGateway(options: CapGatewayOptions): Promise<CapGateway> {
  await using opened = new AsyncDisposableStack();
  const { sender, outFolder, inFolder } = options;
  const fault = brokenRule({
    identifier: 'x',
    sender,
    scope: 'Public',
    msgType: 'Alert',
    references: [],
    status: 'Actual',
    sent: 0,
    infos: [],
  });
  if (fault) throw new Error(`the sender "${sender}" is none that CAP takes: ${fault}`);
  if (inFolder !== undefined)
    for (const folder of ['', 'taken', 'refused']) await mkdir(join(inFolder, folder), { recursive: true });
  const shelf = await openShelf(outFolder, options.senderName);
  const server = createServer({ requestTimeout: 15_000, headersTimeout: 15_000 });
  server.maxConnections = CAP_GATEWAY_LIMITS.connections;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  opened.defer(() => new Promise<void>((resolve) => (server.close(() => resolve()), server.closeAllConnections())));
  const gateway = opened.use(await openGateway({ ...options, kind: 'cap' }));
  return new CapGateway(options, { gateway, server, shelf, opened: opened.move() });
}

interface Parts {
  gateway: Gateway;
  server: Server;
  shelf: Shelf;
  opened: AsyncDisposableStack;
}

export class CapGateway implements AsyncDisposable {
  readonly port: number;
  readonly #options: CapGatewayOptions;
  readonly #parts: Parts;
  readonly #timers: Timer[];
  /** Messages that came, so that a feed that shows one again and again tells it once. */
  readonly #seen = new Set<string>();
  readonly #count = { taken: 0, known: 0, refused: 0, published: 0 };
  #looking: Promise<void> = Promise.resolve();

  /** Use startCapGateway. */
  constructor(options: CapGatewayOptions, parts: Parts) {
    this.#options = options;
    this.#parts = parts;
    const { gateway, server } = parts;
    this.port = (server.address() as { port: number }).port;
    const { feeds = [], clock, inFolder, feedEveryMs = CAP_GATEWAY_LIMITS.feedEveryMs } = options;
    gateway.announce([
      { id: options.id, kind: 'line', state: 'ready', detail: 'CAP 1.2' },
      ...feeds.map((_, index) => ({ id: this.#feedName(index), kind: 'line' as const, state: 'ready' as const })),
    ]);
    gateway.onCommand(
      'self-test',
      async ({ resource }) =>
        resource === options.id || feeds.some((_, index) => this.#feedName(index) === resource)
          ? { outcome: 'done' }
          : { outcome: 'refused', because: `there is no "${resource}" here` },
      { afterCrash: 'again' },
    );
    // The same file is written again for the same command: that does no harm.
    gateway.onCommand('publish-warning', (order) => this.#publish(order), { afterCrash: 'again' });
    server.on('request', (request, response) => {
      void this.#serve(request).then(({ status, type, body }) => {
        if (response.destroyed) return;
        response.writeHead(status, { 'content-type': type, ...(status >= 400 && { connection: 'close' }) });
        response.end(body);
      });
    });
    this.#timers = [
      ...(inFolder === undefined
        ? []
        : [clock.every(CAP_GATEWAY_LIMITS.lookEveryMs, () => void this.lookIntoFolder())]),
      ...(feeds.length === 0 ? [] : [clock.every(feedEveryMs, () => void this.lookAtFeeds())]),
    ];
  }

  snapshot() {
    return { ...this.#parts.gateway.snapshot(), ...this.#count, port: this.port };
  }

  async [Symbol.asyncDispose]() {
    for (const timer of this.#timers) timer.cancel();
    await this.#looking;
    await this.#parts.opened.disposeAsync();
  }

  /** Takes what lies in the folder, one look after another. */
  async lookIntoFolder(): Promise<void> {
    const folder = this.#options.inFolder;
    if (folder === undefined) return;
    this.#looking = this.#looking
      .then(async () => {
        const names = (await readdir(folder)).filter((name) => name.endsWith('.xml')).toSorted();
        for (const name of names.slice(0, CAP_GATEWAY_LIMITS.filesAtOnce)) {
          const file = join(folder, name);
          const { size } = await stat(file);
          const text = size > CAP_LIMITS.characters * 4 ? undefined : await readFile(file, 'utf8');
          const outcome =
            text === undefined ? ({ kind: 'refused', why: `${size} bytes` } as const) : await this.#take(text, name);
          // What could not be stored lies there for the next look.
          if (outcome.kind === 'not-stored') continue;
          await rename(file, join(folder, outcome.kind === 'refused' ? 'refused' : 'taken', name));
        }
      })
      .catch((error: unknown) => this.#options.log.error('folder of alerts not read', { error }));
    await this.#looking;
  }

  /** Asks every feed once. */
  async lookAtFeeds(): Promise<void> {
    for (const [index, address] of (this.#options.feeds ?? []).entries()) {
      const text = await fetchText(address);
      const id = this.#feedName(index);
      if (text === undefined) {
        this.#parts.gateway.setResource({ id, kind: 'line', state: 'down', detail: 'the feed does not answer' });
        continue;
      }
      this.#parts.gateway.setResource({ id, kind: 'line', state: 'ready' });
      if (!/<(?:\w+:)?(?:feed|rss)[\s>]/.test(text.slice(0, 4000))) {
        await this.#take(text, address);
        continue;
      }
      for (const link of linksIn(text, address)) {
        if (this.#seen.has(link)) continue;
        const alert = await fetchText(link);
        if (alert !== undefined && (await this.#take(alert, link)).kind !== 'not-stored') this.#remember(link);
      }
    }
  }

  async #take(
    text: string,
    from: string,
  ): Promise<{ kind: 'taken' | 'known' | 'not-stored' } | { kind: 'refused'; why: string }> {
    const { gateway } = this.#parts;
    const reading = readAlert(text);
    if (reading.kind === 'refused') {
      this.#count.refused += 1;
      this.#options.log.warn('alert refused', { from: from.slice(0, 200), why: reading.why });
      return reading;
    }
    const warning = warningOf(reading.alert);
    // Our own alerts come back on shared feeds.
    if (!warning || reading.alert.sender === this.#options.sender || this.#seen.has(warning.message)) {
      this.#count.known += 1;
      return { kind: 'known' };
    }
    try {
      await gateway.publish({ ...warning, event: `w-${warning.message}` });
    } catch (error) {
      this.#options.log.error('alert not stored', { error });
      return { kind: 'not-stored' };
    }
    this.#remember(warning.message);
    this.#count.taken += 1;
    return { kind: 'taken' };
  }

  async #publish(order: PublishWarning) {
    const { sender, senderName, utcOffsetHours = 8, log } = this.#options;
    const alert = alertOf(order, { sender, senderName });
    const text = writeAlert(alert, utcOffsetHours);
    const check = readAlert(text);
    if (check.kind === 'refused')
      return { outcome: 'refused' as const, because: `would not be valid CAP: ${check.why}` };
    await this.#parts.shelf.put(alert, text);
    this.#count.published += 1;
    log.info('warning published', { identifier: alert.identifier, type: alert.msgType });
    return { outcome: 'done' as const };
  }

  async #serve(request: IncomingMessage): Promise<{ status: number; type: string; body: string }> {
    const say = (status: number, why: string) => ({ status, type: 'text/plain; charset=utf-8', body: `${why}\n` });
    const path = (request.url ?? '').split('?')[0] ?? '';
    if (request.method === 'GET' && path === '/cap')
      return { status: 200, type: 'application/atom+xml', body: this.#parts.shelf.feed() };
    const file = /^\/cap\/([A-Za-z0-9._-]{1,100})\.xml$/.exec(path)?.[1];
    if (request.method === 'GET' && file !== undefined) {
      const text = await this.#parts.shelf.get(file);
      return text === undefined ? say(404, 'no such alert') : { status: 200, type: 'application/cap+xml', body: text };
    }
    if (path !== '/cap') return say(404, 'only /cap is here');
    if (request.method !== 'POST') return say(405, 'GET or POST');
    if (!this.#isAllowed(request)) return say(401, 'a bearer token is needed');
    const text = await readBody(request);
    if (text === undefined) return say(413, 'too large, or cut off');
    const outcome = await this.#take(text, 'POST');
    switch (outcome.kind) {
      case 'refused':
        return say(422, outcome.why);
      case 'not-stored':
        return say(503, 'could not be stored; send it again');
      case 'taken':
      case 'known':
        return say(200, outcome.kind);
    }
  }

  #isAllowed(request: IncomingMessage): boolean {
    const { token } = this.#options;
    const given = /^Bearer (.{1,200})$/.exec(request.headers.authorization ?? '')?.[1];
    if (token === undefined || given === undefined) return false;
    const digest = (text: string) => createHash('sha256').update(text).digest();
    return timingSafeEqual(digest(token), digest(given));
  }

  #feedName(index: number): string {
    return `${this.#options.id}-feed-${index + 1}`;
  }

  #remember(what: string) {
    this.#seen.add(what);
    if (this.#seen.size > CAP_GATEWAY_LIMITS.remembered) this.#seen.delete(this.#seen.values().next().value!);
  }
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const part of request as AsyncIterable<Buffer>) {
      bytes += part.length;
      if (bytes > CAP_LIMITS.characters * 2) return undefined;
      parts.push(part);
    }
  } catch {
    return undefined;
  }
  return Buffer.concat(parts).toString('utf8');
}

/** The text at an address; undefined when it does not come, is too large, or is no success. */
async function fetchText(address: string): Promise<string | undefined> {
  try {
    const response = await fetch(address, { signal: AbortSignal.timeout(CAP_GATEWAY_LIMITS.feedWithinMs) });
    if (!response.ok || !response.body) return undefined;
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
      bytes += part.length;
      if (bytes > CAP_LIMITS.characters * 2) return undefined;
      parts.push(part);
    }
    return Buffer.concat(parts).toString('utf8');
  } catch {
    return undefined;
  }
}

/** Where an Atom or RSS index leads: only to addresses of the same host, so that a feed cannot send us about the network. */
function linksIn(feed: string, address: string): string[] {
  const found = [...feed.matchAll(/<link[^>]*\shref="([^"]{1,500})"|<link>([^<]{1,500})<\/link>/g)].map(
    ([, href, text]) => href ?? text!,
  );
  const { host } = new URL(address);
  const links = found.flatMap((link) => {
    const url = URL.canParse(link, address) ? new URL(link.replaceAll('&amp;', '&'), address) : undefined;
    return url && url.host === host && url.href !== address && basename(url.pathname) !== '' ? [url.href] : [];
  });
  return [...new Set(links)].slice(0, CAP_GATEWAY_LIMITS.linksOfFeed);
}
