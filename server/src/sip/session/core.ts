import type { Chance } from '#kernel/chance.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Log } from '#kernel/log.ts';
import type { Credentials } from '../auth/digest-client.ts';
import type { Dialog } from '../dialog/dialog.ts';
import type { DialogTable } from '../dialog/dialog-table.ts';
import type { InviteServerTransaction } from '../transaction/invite-server.ts';
import type { Request } from '../message/message.ts';
import type { TransactionLayer } from '../transaction/transaction-layer.ts';
import type { Flow } from '../transport/flow.ts';

/** What sessions need of the user agent they belong to. */
export interface SessionCore {
  readonly layer: TransactionLayer;
  readonly dialogs: DialogTable;
  /** INVITEs that a CANCEL may still reach, and what it does to them. */
  readonly cancellable: Map<InviteServerTransaction, (cancel: Request) => void>;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  /** Goes into User-Agent and Server. */
  readonly productName: string;
  /** Our Contact, for a peer reached over `flow`. */
  contact(user: string, flow: Pick<Flow, 'transport'> & Partial<Pick<Flow, 'remote'>>): string;
  /** Runs once, `delayMs` from now, unless the user agent has closed by then. */
  later(delayMs: number, run: () => void): void;
  /** The way a dialog's requests go; undefined when the peer cannot be reached by any transport of ours. */
  flowFor(dialog: Dialog): Flow | undefined;
}

/** Methods this user agent understands (RFC 3261 §20.5). */
export const ALLOW =
  'INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, INFO, UPDATE, PRACK, REFER, NOTIFY, SUBSCRIBE, MESSAGE';

/** Extensions this user agent understands (RFC 3261 §20.37). */
export const SUPPORTED = ['100rel', 'timer', 'replaces', 'norefersub', 'path', 'outbound'] as const;

export type { Credentials };
