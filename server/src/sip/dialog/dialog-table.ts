import type { Request } from '../message/message.ts';
import type { ServerTransaction } from '../transaction/transaction-layer.ts';
import type { Flow } from '../transport/flow.ts';
import { dialogId } from './dialog.ts';

/**
 * The call that another, come with Replaces, puts itself in the place of (RFC 3891): one that talks, or that rings because we
 * called. Whoever answers the newcomer ends the old one.
 */
export interface Takeover {
  kind: 'talking' | 'ringing';
  /** BYE or CANCEL, with this word as its Reason. */
  end(cause: string): void;
}

/** What a Replaces finds: that, or a call whose caller alone could be replaced, or one that is over. */
export type Replaceable = Takeover | { kind: 'ringing-here' } | { kind: 'ended' };

/** Whoever uses a dialog: gets the peer's requests in it. */
export interface DialogUser {
  /** A request other than ACK; one final response is owed. */
  onRequest(request: Request, transaction: ServerTransaction, flow: Flow): void;
  onAck(ack: Request): void;
  /** What a Replaces that names this dialog would take over; absent for what is no call. */
  replaceable?(): Replaceable;
  /** The user agent closes: end what there is, and resolve when the peer knows. */
  close(): Promise<void>;
}

const ENDED_REMEMBERED = 1000;

/** The dialogs of a user agent. */
export class DialogTable {
  readonly #users = new Map<string, DialogUser>();
  /** Calls that ended lately, the oldest first. */
  readonly #ended = new Set<string>();

  get size(): number {
    return this.#users.size;
  }

  add(id: string, user: DialogUser): void {
    this.#users.set(id, user);
  }

  remove(id: string): void {
    this.#users.delete(id);
  }

  /** Remembers that a call has ended, so that a Replaces that comes too late is told so. */
  noteEnded(id: string): void {
    this.#ended.add(id);
    if (this.#ended.size > ENDED_REMEMBERED) this.#ended.delete(this.#ended.values().next().value!);
  }

  /** What a Replaces that names this dialog takes over; undefined when there is no such call. */
  replaceable(id: string): Replaceable | undefined {
    return this.#ended.has(id) ? { kind: 'ended' } : this.#users.get(id)?.replaceable?.();
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
