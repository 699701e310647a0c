import type { Namespace, Server, Socket } from 'socket.io';
import type { CommandResult } from '@tocsin/protocol/console.ts';
import { FieldRequest, type FieldHello, type FieldToServer, type ServerToField } from '@tocsin/protocol/video.ts';
import type { Desk } from '#dispatch/desk.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { FieldFeed } from '#video/field-feed.ts';
import { complain } from '../complain.ts';

type FieldData = { feed: FieldFeed; isOpen: boolean };
type FieldSocket = Socket<FieldToServer, ServerToField, Record<string, never>, FieldData>;

/** The field phone's door: whoever has the link may send; nothing else of the house is reachable from here. */
export function openFieldDoor(io: Pick<Server, 'of'>, desk: Desk): { close(): void } {
  const field = io.of('/field') as unknown as Namespace<FieldToServer, ServerToField, Record<string, never>, FieldData>;
  field.use((socket, next) => {
    const { link } = socket.handshake.auth as { link?: unknown };
    try {
      socket.data = { feed: desk.feeds.findByToken(typeof link === 'string' ? link : ''), isOpen: false };
      next();
    } catch {
      next(new Error('FEED_UNKNOWN'));
    }
  });
  field.on('connection', (socket) => welcome(socket, desk));

  const to = (feed: string, tell: (socket: FieldSocket) => void) => {
    for (const socket of field.sockets.values()) if (socket.data.isOpen && socket.data.feed.id === feed) tell(socket);
  };
  const offs = [
    desk.feeds.on('call-wanted', (feed, isWanted) => to(feed, (socket) => socket.emit('call-wanted', isWanted))),
    desk.feeds.on('must-reopen', (feed) => to(feed, (socket) => socket.emit('must-reopen'))),
    desk.feeds.on('changed', ({ id, state, ending, viewings, recording }) =>
      to(id, (socket) => {
        if (state === 'ended') return void socket.emit('ended', ending ?? 'dispatcher-ended');
        socket.emit('status', {
          viewers: viewings.length,
          isRecording: recording !== undefined,
          isMuted: false,
          ...conferenceOf(id, desk),
        });
      }),
    ),
  ];
  return { close: () => offs.forEach((off) => off()) };
}

function welcome(socket: FieldSocket, desk: Desk): void {
  socket.on('field', (message, done) => {
    const reply = (result: CommandResult) => {
      if (typeof done === 'function') done(result);
    };
    answer(socket, message, desk).then(
      (value) => reply(value === undefined ? { ok: true } : { ok: true, value }),
      (error: unknown) => {
        const { code, message: words } = complain(error, desk.log);
        reply({ ok: false, code, message: words });
      },
    );
  });
}

async function answer(socket: FieldSocket, message: unknown, desk: Desk): Promise<unknown> {
  const request = FieldRequest.parse(message);
  const { feed } = socket.data;
  if (request.ask === 'open') return await open(socket, request.claim, desk);
  if (!socket.data.isOpen) throw new DispatchError('FEED_UNKNOWN', 'the page has not been opened');
  switch (request.ask) {
    case 'open-transport':
      return await feed.openTransport(request.way);
    case 'connect':
      return await feed.connectTransport(request.transport, request.dtlsParameters);
    case 'restart-ice':
      return await feed.restartIce(request.transport);
    case 'produce':
      return await feed.produce(request.source, request.rtpParameters);
    case 'remove-source':
      return await feed.removeSource(request.source);
    case 'consume-voice':
      return await feed.consumeTalkBack(request.rtpCapabilities);
    case 'location':
      return feed.locate(request.location);
    case 'stop':
      return await feed.end('phone-ended');
  }
}

async function open(socket: FieldSocket, claim: string | undefined, desk: Desk): Promise<FieldHello> {
  const { feed } = socket.data;
  const opened = await feed.openPage(claim);
  socket.data.isOpen = true;
  const { owner, invitedBy } = feed.snapshot();
  const person = desk.directory.person(owner.id);
  return {
    feed: feed.id,
    ...opened,
    site: desk.directory.site.name,
    person: person?.name ?? { zh: owner.name },
    asker: invitedBy,
    isDrill: feed.isDrill,
    serverTime: desk.clock.now(),
  };
}

function conferenceOf(feed: string, desk: Desk): { conference?: string } {
  const found = desk.conferences
    .all()
    .find((conference) => conference.participants().some((each) => each.view.feed === feed && each.isIn));
  return found ? { conference: found.number } : {};
}
