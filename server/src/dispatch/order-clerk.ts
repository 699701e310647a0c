import type { Person } from '@tocsin/protocol/directory.ts';
import type { GatewayCommandResult } from '@tocsin/protocol/gateway.ts';
import {
  ORDER_LIMITS,
  orderCode,
  readBurst,
  readOrderReply,
  type Order,
  type OrderAnswer,
} from '@tocsin/protocol/order-burst.ts';
import type { OrderRow, OrderRung, OrderRowState, OrderView } from '@tocsin/protocol/orders.ts';
import { Emitter } from '#kernel/emitter.ts';
import * as sql from '#messages/order-store.ts';
import type { Desk } from './desk.ts';
import { changeRow, footholdOf, walkLadder } from './order-ladder.ts';
import { rungsFor } from './order-rungs.ts';
import type { Orders } from './orders.ts';

const ORDERS_LIMITS = {
  /** Orders that are remembered; the oldest is forgotten first. An answer to a forgotten one is a text like any other. */
  remembered: 500,
  /** Events remembered for each person, so that a second copy of an answer changes nothing. */
  taken: 20,
  /** How far back answers by text are looked for after a restart, and how far the gateway's clock may be off. */
  answersForMs: 72 * 3600_000,
  clocksApartMs: 10 * 60_000,
  /** Texts read for it. */
  answersRead: 5000,
} as const;

/** One person of an order while the server runs. */
interface OpenRow extends sql.KeptOrderRow {
  place: number;
  /** Ends the walk that waits for the answer. */
  walk?: AbortController;
  /** Changes reach the disk one after another. */
  writing: Promise<void>;
}

interface OpenOrder {
  order: Order;
  by: string;
  rows: OpenRow[];
}

/**
 * The orders and who has answered them. Each change is on the disk before the walk goes on: a server that was killed goes on
 * with the rung that it was trying, and what it has sent is not sent again.
 */
export class OrderClerk extends Emitter<{ changed: [OrderView] }> implements Orders, Disposable {
  readonly #desk: Desk;
  readonly #open = new Map<number, OpenOrder>();
  readonly #results = new Map<string, (result: GatewayCommandResult) => void>();
  readonly #closing = new AbortController();
  #off: () => void = () => {};

  constructor(desk: Desk) {
    super();
    this.#desk = desk;
  }

  /** Reads what is kept and hears answers from now on. Nobody is called before `resume`. */
  async open(): Promise<void> {
    const { store, texts } = this.#desk;
    for (const kept of await sql.readOrders(store, ORDERS_LIMITS.remembered)) this.#put(kept);
    this.#off = texts.on('received', ({ id, text, person }) => {
      this.#takeText(id, text, person).catch((error: unknown) => this.#lost(error));
    });
    await this.#hearMissed();
  }

  /** Goes on with every walk that the last server left, when its phones and gateways have had time to come. */
  resume(): void {
    for (const open of this.#open.values())
      for (const row of open.rows) {
        const person = this.#desk.directory.person(row.row.person);
        if (row.walk || !isUnderWay(row.row) || !person) continue;
        this.#note('order.resumed', open.order, row.row.person, row.row.rung);
        this.#walk(open, row, person);
      }
  }

  async begin(order: Omit<Order, 'id' | 'at'>, people: Person[], by: string): Promise<{ id: number; code: string }> {
    const at = this.#desk.clock.now();
    const kept: sql.KeptOrder = {
      order: { ...order, id: this.#freeId(), at },
      by,
      rows: people.map(({ id }) => ({ row: { person: id, state: 'trying', at, history: [] }, taken: [] })),
    };
    const open = this.#put(kept);
    await sql.insertOrder(this.#desk.store, kept).catch((error: unknown) => {
      this.#open.delete(kept.order.id);
      throw error;
    });
    const { level, action, where, words } = order;
    await this.#desk.timeline.append({
      kind: 'order.sent',
      actor: by,
      data: { order: orderCode(kept.order.id), level, action, where, words, people: people.length },
    });
    this.emit('changed', viewOf(open));
    for (const row of open.rows) this.#walk(open, row, people[row.place]!);
    return { id: kept.order.id, code: orderCode(kept.order.id) };
  }

  all(): OrderView[] {
    return [...this.#open.values()].map(viewOf).reverse();
  }

  commandResult(result: GatewayCommandResult): void {
    this.#results.get(result.command)?.(result);
  }

  async burstReceived(event: string, from: string, payload: Uint8Array): Promise<void> {
    const burst = readBurst(payload);
    if (burst?.kind === 'answer') await this.#takeAnswer(event, burst.id, burst.answer, 'burst', from);
  }

  [Symbol.dispose](): void {
    this.#closing.abort();
    this.#off();
  }

  #put({ order, by, rows }: sql.KeptOrder): OpenOrder {
    const open = {
      order,
      by,
      rows: rows.map((each, place): OpenRow => ({ ...each, place, writing: Promise.resolve() })),
    };
    this.#open.set(order.id, open);
    if (this.#open.size > ORDERS_LIMITS.remembered) this.#open.delete(this.#open.keys().next().value!);
    return open;
  }

  #walk({ order }: OpenOrder, row: OpenRow, person: Person): void {
    const walk = new AbortController();
    row.walk = walk;
    const rungs = rungsFor({ person, place: row.place, order }, this.#desk, (command, heard) => {
      this.#results.set(command, heard);
      return () => this.#results.delete(command);
    });
    walkLadder(rungs, {
      tell: (state, rung, detail) => this.#tell(row, order, state, rung, detail),
      now: () => this.#desk.clock.now(),
      from: footholdOf(row.row),
      signal: AbortSignal.any([walk.signal, this.#closing.signal]),
    })
      .catch((error: unknown) => this.#lost(error))
      .finally(() => delete row.walk);
  }

  // --- answers ---

  /** The code is proof enough of which order is meant, but only its own people answer it. */
  async #takeText(id: string, said: string, person: string | undefined): Promise<void> {
    const reply = readOrderReply(said);
    if (reply && person) await this.#takeAnswer(id, reply.id, reply.answer, 'sms', person);
  }

  async #takeAnswer(event: string, id: number, answer: OrderAnswer, rung: OrderRung, from: string): Promise<void> {
    const open = this.#open.get(id);
    const row = open?.rows.find(({ row: { person } }) => person === from);
    if (!open || !row || row.taken.includes(event)) return;
    row.taken = [...row.taken, event].slice(-ORDERS_LIMITS.taken);
    row.walk?.abort();
    // He may have been given up, or says more than before: received, then done.
    if (row.row.state !== answer) await this.#tell(row, open.order, answer, rung);
  }

  /** What was answered while the server was dead, or died before it was kept here: texts are kept before they are told. */
  async #hearMissed(): Promise<void> {
    const { store, clock } = this.#desk;
    const since = clock.now() - ORDERS_LIMITS.answersForMs;
    const recent = [...this.#open.values()].filter(({ order }) => order.at >= since);
    if (recent.length === 0) return;
    const people = [...new Set(recent.flatMap(({ rows }) => rows.map(({ row }) => row.person)))];
    const oldest = Math.min(...recent.map(({ order }) => order.at)) - ORDERS_LIMITS.clocksApartMs;
    for (const { id, text, person } of await sql.readTextsFrom(store, people, oldest, ORDERS_LIMITS.answersRead))
      await this.#takeText(id, text, person);
  }

  // --- keeping ---

  async #tell(
    row: OpenRow,
    order: Order,
    state: OrderRowState,
    rung: OrderRung | undefined,
    detail?: string,
  ): Promise<void> {
    changeRow(row.row, this.#desk.clock.now(), state, rung, detail);
    const open = this.#open.get(order.id);
    if (open) this.emit('changed', viewOf(open));
    this.#note(`order.${state}`, order, row.row.person, rung, detail);
    await this.#write(row, order);
  }

  /** With the database away the order goes out all the same; what is then lost is only where it stood. */
  #write(row: OpenRow, order: Order): Promise<void> {
    row.writing = row.writing
      .then(() => sql.writeOrderRow(this.#desk.store, order, row.place, row))
      .catch((error: unknown) => this.#lost(error));
    return row.writing;
  }

  #note(kind: string, order: Order, person: string, rung?: OrderRung, detail?: string): void {
    this.#desk.timeline
      .append({
        kind,
        person,
        data: { order: orderCode(order.id), ...(rung ? { rung } : {}), ...(detail ? { detail } : {}) },
      })
      .catch((error: unknown) => this.#desk.log.error('timeline entry lost', { kind, error }));
  }

  #lost(error: unknown): void {
    this.#desk.log.error('a change of an order was not kept', { error });
  }

  /** Any number that no remembered order has. */
  #freeId(): number {
    for (;;) {
      const id = Math.floor(this.#desk.chance.fraction() * ORDER_LIMITS.ids);
      if (!this.#open.has(id)) return id;
    }
  }
}

function viewOf({ order: { id, ...order }, by, rows }: OpenOrder): OrderView {
  return { ...order, id: String(id), code: orderCode(id), by, rows: rows.map(({ row }) => ({ ...row })) };
}

/** Whether somebody is still to be reached. */
function isUnderWay({ state }: OrderRow): boolean {
  return state === 'trying' || state === 'failed' || state === 'skipped';
}
