import type { Person } from '@tocsin/protocol/directory.ts';
import type { GatewayCommandResult } from '@tocsin/protocol/gateway.ts';
import type { Order } from '@tocsin/protocol/order-burst.ts';
import type { OrderView } from '@tocsin/protocol/orders.ts';
import type { Listenable } from '#kernel/emitter.ts';

/** Whoever sends orders down the ladder and knows who has answered. */
export interface Orders extends Listenable<{ changed: [OrderView] }> {
  /**
   * Keeps a new order and begins to walk. Resolves when it is on the disk.
   * @throws DispatchError DATABASE_UNAVAILABLE, DISK_FULL
   */
  begin(order: Omit<Order, 'id' | 'at'>, people: Person[], by: string): Promise<{ id: number; code: string }>;
  /** Every order that is remembered, the newest first. */
  all(): OrderView[];
  /** A gateway has answered a command. */
  commandResult(result: GatewayCommandResult): void;
  /** A modem has sent something; resolves when an answer in it is on the disk. */
  burstReceived(event: string, from: string, payload: Uint8Array): Promise<void>;
}
