import { io, type Socket } from 'socket.io-client';
import type { CommandResult } from '@tocsin/protocol/console.ts';
import type { FieldRequest, FieldToServer, ServerToField } from '@tocsin/protocol/video.ts';

const ANSWERED_WITHIN_MS = 10_000;

export interface FieldListeners {
  connected(): void;
  lost(): void;
  /** The server does not know this link. */
  refused(code: string): void;
  callWanted(isWanted: boolean): void;
  mustReopen(): void;
  status(...values: Parameters<ServerToField['status']>): void;
  ended(because: string): void;
}

/** A field phone's link to the centre: the secret of its own link is all that opens it. */
export class FieldLink {
  readonly #socket: Socket<ServerToField, FieldToServer>;

  constructor(link: string, listeners: FieldListeners) {
    const socket: Socket<ServerToField, FieldToServer> = io('/field', {
      path: '/socket.io',
      auth: { link },
      transports: ['websocket', 'polling'],
      reconnectionDelay: 500,
      reconnectionDelayMax: 3000,
      timeout: 8000,
    });
    this.#socket = socket;
    socket.on('connect', () => listeners.connected());
    socket.on('disconnect', () => listeners.lost());
    socket.on('connect_error', (error) => (socket.active ? listeners.lost() : listeners.refused(error.message)));
    socket.on('call-wanted', (isWanted) => listeners.callWanted(isWanted));
    socket.on('must-reopen', () => listeners.mustReopen());
    socket.on('status', (status) => listeners.status(status));
    socket.on('ended', (because) => listeners.ended(because));
  }

  /** Never rejects: a link that is down or slow is an outcome. */
  ask(request: FieldRequest): Promise<CommandResult> {
    if (!this.#socket.connected) return Promise.resolve({ ok: false, code: 'LINK_LOST', message: '' });
    return new Promise((resolve) => {
      this.#socket
        .timeout(ANSWERED_WITHIN_MS)
        .emit('field', request, (late: Error | null, result?: CommandResult) =>
          resolve(late || !result ? { ok: false, code: 'LINK_SLOW', message: late?.message ?? '' } : result),
        );
    });
  }

  close(): void {
    this.#socket.disconnect();
  }
}
