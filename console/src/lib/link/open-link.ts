import { io } from 'socket.io-client';
import { Link, type LinkListeners, type Wire } from './link.ts';

/**
 * Opens the socket to the server that served this page; the session's cookie says who we are. `now` is the server's time, so
 * that "as of" is told by the clock that facts are told by.
 */
export function openLink(listeners: LinkListeners, now: () => number): Link {
  const socket = io({
    path: '/socket.io',
    transports: ['websocket', 'polling'],
    reconnectionDelay: 500,
    reconnectionDelayMax: 3000,
    timeout: 8000,
  });
  return new Link(socket as unknown as Wire, listeners, now);
}
