import type { Request } from '../message/message.ts';
import type { ServerTransaction } from '../transaction/transaction-layer.ts';
import type { Flow } from '../transport/flow.ts';
import { dialogId } from './dialog.ts';

/** Whoever uses a dialog: gets the peer's requests in it. */
export interface DialogUser {
  /** A request other than ACK; one final response is owed. */
  onRequest(request: Request, transaction: ServerTransaction, flow: Flow): void;
  onAck(ack: Request): void;
  /** The user agent closes: end what there is, and resolve when the peer knows. */
  close(): Promise<void>;
}

/** The dialogs of a user agent. */
export class DialogTable {
  readonly #users = new Map<string, DialogUser>();

  get size(): number {
    return this.#users.size;
  }

  add(id: string, user: DialogUser): void {
    this.#users.set(id, user);
  }

  remove(id: string): void {
    this.#users.delete(id);
  }

  has(id: string): boolean {
    return this.#users.has(id);
  }

  /** The user of the dialog that a request from the peer names. */
  userOf(request: Request): DialogUser | undefined {
    return this.#users.get(dialogId(request.callId, request.toTag ?? '', request.fromTag ?? ''));
  }

  /** Ends every dialog. */
  close(): Promise<void>[] {
    return [...this.#users.values()].map((user) => user.close());
  }
}
