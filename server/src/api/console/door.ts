import type { Server as HttpServer } from 'node:http';
import { Server, type Socket } from 'socket.io';
import {
  Command,
  type CommandResult,
  type ConsoleToServer,
  type Hello,
  type ServerToConsole,
} from '@tocsin/protocol/console.ts';
import type { Session } from '#directory/rights.ts';
import { runCommand } from '#dispatch/commands.ts';
import type { Desk } from '#dispatch/desk.ts';
import { FAILURES } from '#kernel/errors.ts';
import { complain } from '../complain.ts';
import { toTimelineEntry } from '../timeline-entry.ts';
import { sessionOf } from '../session-cookie.ts';
import { may } from '#directory/rights.ts';
import { Live } from './live.ts';
import { meOf, siteFor } from './hello.ts';
import { openFieldDoor } from './field.ts';
import { VideoDoor } from './video.ts';

/** Largest message that a browser may send, in bytes; a larger one ends its connection. */
const MAX_MESSAGE_BYTES = 128 * 1024;
/** Commands that one console may have in flight; the next is refused until one is done. */
const MAX_COMMANDS_IN_FLIGHT = 64;

type ConsoleSocket = Socket<
  ConsoleToServer,
  ServerToConsole,
  Record<string, never>,
  { session: Session; token: string; inFlight: number }
>;
type ConsoleServer = Server<
  ConsoleToServer,
  ServerToConsole,
  Record<string, never>,
  { session: Session; token: string; inFlight: number }
>;

/** The console's door: socket.io on the HTTP server. */
export function openConsoleDoor(http: HttpServer, desk: Desk): AsyncDisposable {
  const io: ConsoleServer = new Server(http, {
    path: '/socket.io',
    // Other upgrades (SIP) are answered by their own door.
    destroyUpgrade: false,
    serveClient: false,
    maxHttpBufferSize: MAX_MESSAGE_BYTES,
    // A console that lost its link shows it within seconds; the browser's own time-out would take a minute.
    pingInterval: 5_000,
    pingTimeout: 5_000,
    cors: { origin: false },
    // Other sites' pages must not ride on the cookie: a browser always tells where its page came from.
    allowRequest: (request, done) => done(null, isSameOrigin(request.headers.origin, request.headers.host)),
  });
  const live = new Live(desk);

  io.use((socket, next) => {
    const token = (socket.handshake.auth as { token?: unknown }).token;
    sessionOf(desk.directory, {
      token: typeof token === 'string' ? token : undefined,
      cookie: socket.handshake.headers.cookie,
    }).then(
      (found) => {
        if (!found) return next(new Error('SESSION_UNKNOWN'));
        // Somebody else has sat down while this desk was away: it is shown the log-in page.
        if (!desk.seatsTaken.isFreeFor(found.session)) return next(new Error('SEATS_EXHAUSTED'));
        socket.data = { ...found, inFlight: 0 };
        next();
      },
      () => next(new Error('INTERNAL')),
    );
  });
  io.on('connection', (socket) => welcome(socket, live, desk));

  live.on('changes', (changes) => {
    for (const socket of io.of('/').sockets.values()) {
      const seen = live.visible(changes, socket.data.session);
      if (seen.length > 0) socket.emit('changes', seen);
    }
  });
  const offEntries = desk.timeline.on('appended', (entry) => {
    for (const socket of io.of('/').sockets.values())
      if (may(socket.data.session, 'view', entry.organisation)) socket.emit('entries', [toTimelineEntry(entry)]);
  });
  const offLevels = desk.conferences.on('opened', (conference) =>
    conference.on('levels', (levels) => io.of('/').volatile.emit('levels', conference.id, levels)),
  );
  const sweep = desk.clock.every(15_000, () => void endLostSessions(io, desk));
  const field = openFieldDoor(io, desk);

  return {
    async [Symbol.asyncDispose]() {
      sweep.cancel();
      offEntries();
      offLevels();
      live.close();
      field.close();
      io.disconnectSockets(true);
      await new Promise<void>((resolve) => void io.close(() => resolve()));
    },
  };
}

function welcome(socket: ConsoleSocket, live: Live, desk: Desk): void {
  const { session } = socket.data;
  const getUp = desk.seatsTaken.sitDown(session);
  const hello: Hello = {
    serverTime: desk.clock.now(),
    me: meOf(session, desk),
    site: siteFor(session, desk),
    live: live.snapshot(session),
  };
  socket.emit('hello', hello);

  const video = new VideoDoor(session, desk, socket);
  socket.on('command', (message, done) => {
    void answer(socket, desk, done, async () => {
      const command = Command.parse(message);
      return await runCommand(command, session, desk);
    });
  });
  socket.on('video', (message, done) => {
    void answer(socket, desk, done, async () => await video.request(message));
  });
  socket.on('disconnect', () => {
    getUp();
    // Whoever held the floor and lost his link has let go of the key.
    for (const channel of desk.conferences.channels()) channel.release(session.user.id);
    video.close();
  });
}

/** Runs one request and acknowledges it: every request gets exactly one answer. */
async function answer(socket: ConsoleSocket, desk: Desk, done: unknown, run: () => Promise<unknown>): Promise<void> {
  const reply = (result: CommandResult) => {
    if (typeof done === 'function') (done as (result: CommandResult) => void)(result);
  };
  if (socket.data.inFlight >= MAX_COMMANDS_IN_FLIGHT)
    return reply({ ok: false, code: 'TOO_MANY_REQUESTS', message: FAILURES.TOO_MANY_REQUESTS });
  socket.data.inFlight += 1;
  try {
    const value = await run();
    reply(value === undefined ? { ok: true } : { ok: true, value });
  } catch (error) {
    const { code, message } = complain(error, desk.log);
    reply({ ok: false, code, message });
  } finally {
    socket.data.inFlight -= 1;
  }
}

/** Ends the connections of sessions that have ended elsewhere. */
async function endLostSessions(io: ConsoleServer, desk: Desk): Promise<void> {
  for (const socket of io.of('/').sockets.values()) {
    if (await desk.directory.users.session(socket.data.token).catch(() => socket.data.session)) continue;
    socket.emit('session-ended', 'expired');
    socket.disconnect(true);
  }
}

function isSameOrigin(origin: string | undefined, host: string | undefined): boolean {
  if (origin === undefined) return true;
  try {
    return new URL(origin).host === host;
  } catch {
    return false;
  }
}
