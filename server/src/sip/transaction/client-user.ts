import type { Response } from '../message/message.ts';

/** Whoever a client transaction reports to (RFC 3261 §17, the TU). At most one of the last two is called, once. */
export interface ClientUser {
  onResponse(response: Response): void;
  /** Nobody answered within 64·T1. */
  onTimeout(): void;
  /** The transport knows that the request did not go out. */
  onTransportError(why: string): void;
}
