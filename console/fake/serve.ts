/**
 * A stand-in for the server: the console's protocol spoken over real sockets, telling one story of the pictures. For
 * building and testing the console alone; the product never contains it.
 *
 *   node fake/serve.ts [--port 8080] [--story desk]      then `TOCSIN_SERVER=http://127.0.0.1:8080 npm run dev`
 *
 * It serves console/build too when that exists. POST /fake/story {"story": "empty"} tells another story to everyone.
 */
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Server } from 'socket.io';
import { Command, type ConsoleToServer, type ServerToConsole } from '@tocsin/protocol/console.ts';
import { baseMap } from './base-map.mjs';
import { obey } from './obey.ts';
import { openSipDoor } from './sip-door.ts';
import { fakeRecordings, fakeWav } from './recordings.ts';
import { tell, type Story, type StoryName } from './story.ts';
import { timelineStory } from './timeline-story.ts';

export interface Fake {
  url: string;
  /** Breaks every link and takes no new one until `mend`. */
  cut(): void;
  mend(): void;
  /** Tells another story to everyone who is connected. */
  tell(story: StoryName): void;
  close(): Promise<void>;
}

const BUILD = fileURLToPath(new URL('../build', import.meta.url));
const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
};

/** Opens the stand-in; `port` 0 is chosen freely. */
export async function serveFake(options: { port: number; story: StoryName }): Promise<Fake> {
  let story: Story = tell(options.story);
  let openedAt = Date.now();
  /** The story's clock runs on from its first moment. */
  const now = () => story.serverTime + (Date.now() - openedAt);
  const ground = JSON.stringify(baseMap());

  const http = createServer((request, response) => void route(request, response));
  const sockets = new Server<ConsoleToServer, ServerToConsole>(http, { path: '/socket.io', destroyUpgrade: false });

  /** The seat's calls of the story, placed to its browser phone. */
  const sip = openSipDoor(http, (account) =>
    story.live.calls
      .filter((call) => call.to.number === account && call.state !== 'ended')
      .map((call) => ({
        from: call.from.number,
        name: call.from.name?.zh ?? '',
        answersItself: call.state !== 'ringing',
      })),
  );

  const sayHello = (to: Pick<typeof sockets, 'emit'>) =>
    to.emit('hello', { serverTime: now(), me: story.me, site: story.site, live: story.live });

  let isCut = false;
  sockets.engine.use((_request: unknown, _response: unknown, next: (failure?: Error) => void) =>
    next(isCut ? new Error('cut') : undefined),
  );
  sockets.use((socket, next) => {
    if (/tocsin_session=fake/.test(socket.handshake.headers.cookie ?? '')) next();
    else next(new Error('SESSION_UNKNOWN'));
  });
  sockets.on('connection', (socket) => {
    sayHello(socket as never);
    socket.on('command', (what, done) => {
      const command = Command.safeParse(what);
      if (!command.success) return done({ ok: false, code: 'REQUEST_MALFORMED', message: command.error.message });
      const { changes, entries, result } = obey(story, command.data, now());
      if (changes.length > 0) sockets.emit('changes', changes);
      if (entries.length > 0) sockets.emit('entries', entries);
      done(result);
    });
    socket.on('video', (_request, done) => done({ ok: false, code: 'WEBRTC_UNAVAILABLE', message: '' }));
  });

  // Somebody is always speaking, so that meters move.
  const speaking = setInterval(() => {
    for (const conference of story.live.conferences) {
      const levels = conference.participants
        .filter(({ isSpeaking }) => isSpeaking)
        .map(({ id }) => ({ participant: id, levelDb: -14 - Math.random() * 12 }));
      if (levels.length > 0) sockets.emit('levels', conference.id, levels);
    }
  }, 250);

  async function route(request: IncomingMessage, response: ServerResponse) {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://fake');
    const json = (body: unknown, status = 200, headers: Record<string, string> = {}) => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    };
    if (pathname === '/api/health') {
      const preparing = story.live.system[0]?.preparing[0];
      return json({
        status: preparing ? 'degraded' : 'ok',
        parts: {
          sip: 'ok',
          media: 'ok',
          webrtc: preparing ? { preparing: preparing.what.en, done: preparing.done, total: preparing.total } : 'ok',
          database: 'ok',
          mqtt: 'ok',
          gateways: 'ok',
        },
      });
    }
    if (pathname === '/api/session' && request.method === 'POST') {
      const { password } = JSON.parse((await bodyOf(request)) || '{}') as { password?: string };
      if (!password || password === 'wrong') return json({ code: 'LOGIN_FAILED', message: 'wrong' }, 401);
      return json({ token: 'fake', me: story.me }, 200, {
        'set-cookie': 'tocsin_session=fake; Path=/; HttpOnly; SameSite=Strict',
      });
    }
    if (pathname === '/api/session' && request.method === 'DELETE') {
      return json({}, 200, { 'set-cookie': 'tocsin_session=; Path=/; Max-Age=0' });
    }
    if (pathname === '/api/site/base-map') return json(ground);
    if (pathname === '/api/timeline/verification') {
      return json({
        kind: 'whole',
        entries: 412,
        first: '9f2c41d07be3a5180c6f7702d1a5be42911c0a58ee3d9bb1f4a7a20d87f3c655',
        last: 'c07a93ee15f46b2d3b0e88f7a1d95c0244fd6e70bb29a8335e1c7d9046aa12ef',
      });
    }
    if (/^\/api\/accounts\/\d+\/call-settings$/.test(pathname)) {
      return json({
        doNotDisturb: false,
        forwardNoAnswer: { to: '1009', afterS: 20 },
        followMe: { isOn: true, numbers: [{ dial: '913905718801', afterS: 5, confirm: 'press-1' }] },
        speedDial: {},
      });
    }
    const sound = /^\/api\/recordings\/([\w-]+)\.wav$/.exec(pathname);
    if (sound) {
      const wav = fakeWav(sound[1] ?? '', Math.min(600_000, Number(searchParams.get('ms') ?? 20_000)));
      const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
      const first = Number(range?.[1] ?? 0);
      const last = Math.min(wav.length - 1, Number(range?.[2] || wav.length - 1));
      response.writeHead(range ? 206 : 200, {
        'content-type': 'audio/wav',
        'accept-ranges': 'bytes',
        'content-length': last - first + 1,
        ...(range ? { 'content-range': `bytes ${first}-${last}/${wav.length}` } : {}),
      });
      return void response.end(wav.subarray(first, last + 1));
    }
    if (pathname === '/api/recordings') return json(fakeRecordings(now(), story.live.runs.length > 0));
    if (pathname === '/api/timeline' || /^\/api\/incidents\/[^/]+\/timeline$/.test(pathname)) {
      const from = Number(searchParams.get('from') ?? 0);
      const to = Number(searchParams.get('to') ?? Infinity);
      const kind = searchParams.get('kind');
      const of = (['incident', 'run', 'alarm', 'person'] as const).filter((name) => searchParams.has(name));
      const all = story.live.runs.length > 0 ? timelineStory() : story.entries;
      const found = all.filter(
        (one) =>
          of.every((name) => one[name] === searchParams.get(name)) &&
          one.at >= from &&
          one.at <= to &&
          (!kind || one.kind === kind || (kind.endsWith('.') && one.kind.startsWith(kind))),
      );
      return json(found);
    }
    if (pathname === '/fake/story' && request.method === 'POST') {
      open(JSON.parse(await bodyOf(request)).story as StoryName);
      return json({ ok: true });
    }
    if (pathname.startsWith('/api/')) return json({ code: 'NOT_FOUND', message: pathname }, 404);
    file(pathname, response);
  }

  function open(next: StoryName) {
    story = tell(next);
    openedAt = Date.now();
    sayHello(sockets);
  }

  await new Promise<void>((resolve) => http.listen(options.port, '127.0.0.1', resolve));
  const address = http.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : options.port}`,
    tell: open,
    cut() {
      isCut = true;
      for (const socket of sockets.sockets.sockets.values()) socket.conn.close();
    },
    mend() {
      isCut = false;
    },
    async close() {
      clearInterval(speaking);
      sip.close();
      await sockets.close();
      http.closeAllConnections();
    },
  };
}

function file(pathname: string, response: ServerResponse) {
  const wanted = join(BUILD, normalize(pathname));
  const path =
    wanted.startsWith(BUILD) && existsSync(wanted) && statSync(wanted).isFile() ? wanted : join(BUILD, 'index.html');
  if (!existsSync(path)) return void response.writeHead(404).end('build the console first: npm run build');
  response.writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'application/octet-stream' });
  createReadStream(path).pipe(response);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  return body;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { port: { type: 'string', default: '8080' }, story: { type: 'string', default: 'desk' } },
  });
  const fake = await serveFake({ port: Number(values.port), story: values.story as StoryName });
  console.log(`fake server: ${fake.url}, story "${values.story}"`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => void fake.close().then(() => process.exit(0)));
}
