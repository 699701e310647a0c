import type { CommandOf } from '@tocsin/protocol/console.ts';
import type { Person } from '@tocsin/protocol/directory.ts';
import type { GatewayCommandResult } from '@tocsin/protocol/gateway.ts';
import {
  ORDER_ACTIONS,
  ORDER_LIMITS,
  orderBurst,
  orderCode,
  orderText,
  readBurst,
  readOrderReply,
  type Order,
  type OrderAnswer,
} from '@tocsin/protocol/order-burst.ts';
import type { OrderRow, OrderRung, OrderRowState, OrderView } from '@tocsin/protocol/orders.ts';
import { callParty } from '#calls/call-party.ts';
import { route } from '#calls/routing/route.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Actor, Desk } from './desk.ts';
import { changeRow, walkLadder, type Rung, type RungOutcome } from './order-ladder.ts';
import { peopleOf } from './targets.ts';

export const ORDER_TIMES = {
  ringForMs: 25_000,
  confirmForMs: 20_000,
  /** A text, and a burst, that is not answered by then leads to the next rung; later answers still count. */
  textAnsweredWithinMs: 120_000,
  burstAnsweredWithinMs: 600_000,
} as const;

/** The number that an order's calls show, and the name beside it. */
const ORDER_CALLER = { number: '8000', name: 'Tocsin' };

/** Orders that are remembered; the oldest is forgotten first. An answer to a forgotten one is a text like any other. */
const REMEMBERED = 500;

interface OpenRow extends OrderRow {
  answer(answer: OrderAnswer, rung: OrderRung): void;
}

/** Orders by id and who has answered them; in memory: the timeline is what lasts. */
class Orders {
  readonly open = new Map<number, { order: Order; view: OrderView; rows: OpenRow[] }>();
  /** What a gateway said to our burst commands. */
  readonly results = new Map<string, (result: GatewayCommandResult) => void>();
}

const ordersOf = new WeakMap<Desk, Orders>();

function orders(desk: Desk): Orders {
  let found = ordersOf.get(desk);
  if (!found) {
    found = new Orders();
    ordersOf.set(desk, found);
    desk.texts.on('received', ({ text: said, person }) => {
      const reply = readOrderReply(said);
      // The code is proof enough of which order is meant, but only its own people answer it.
      if (reply && person) takeAnswer(reply.id, reply.answer, 'sms', desk, (row) => row.person === person);
    });
  }
  return found;
}

/** Every order that is remembered, the newest first. */
export function allOrders(desk: Desk): OrderView[] {
  return [...orders(desk).open.values()].map(({ view }) => view).reverse();
}

/**
 * Sends an order to people, each down the ladder: a phone of ours, a number outside, a short message, a satellite burst, until
 * he answers. Refused when it does not fit the narrowest form: an order is never cut.
 * @throws DispatchError TOO_LARGE, REQUEST_MALFORMED
 */
export async function sendOrder(command: CommandOf<'order.send'>, actor: Actor, desk: Desk) {
  const { level, action, where, words, targets } = command;
  const people = peopleOf(targets, desk.directory);
  if (people.length === 0) throw new DispatchError('REQUEST_MALFORMED', 'an order needs people');
  const { open } = orders(desk);
  const order: Order = { id: freeId(desk), level, action, where, words, at: desk.clock.now() };
  for (const fitted of [orderText(order), orderBurst(order)])
    if (fitted.kind === 'too-long') throw new DispatchError('TOO_LARGE', `the order is too long by ${fitted.overBy}`);
  const rows = people.map(({ id }) => openRow(id, order.at));
  const view: OrderView = {
    id: String(order.id),
    code: orderCode(order.id),
    level,
    action,
    where,
    words,
    at: order.at,
    by: actor.user,
    rows: rows.map(({ row }) => row),
  };
  open.set(order.id, { order, view, rows: rows.map(({ row }) => row) });
  if (open.size > REMEMBERED) open.delete(open.keys().next().value!);
  await desk.timeline.append({
    kind: 'order.sent',
    actor: actor.user,
    data: { order: view.code, level, action, where, words, people: people.length },
  });
  for (const [index, person] of people.entries()) {
    const { row, answered } = rows[index]!;
    void walkLadder(rungsFor(person, order, desk), {
      answered,
      tell: (state, rung, detail) => tell(row, order, state, rung, detail, desk),
    }).catch((error: unknown) =>
      desk.log.error('order not carried on', { order: view.code, person: person.id, error }),
    );
  }
  return { order: view.id, code: view.code };
}

/** A gateway has answered a command; true when it was one of ours. */
export function orderCommandResult(result: GatewayCommandResult, desk: Desk): boolean {
  const waiting = orders(desk).results.get(result.command);
  waiting?.(result);
  return waiting !== undefined;
}

/** A modem has sent something; true when it was the answer to an order. */
export function orderBurstReceived(from: string, payload: Uint8Array, desk: Desk): boolean {
  const burst = readBurst(payload);
  if (burst?.kind !== 'answer') return false;
  return takeAnswer(burst.id, burst.answer, 'burst', desk, ({ person }) => person === from);
}

// --- the rungs ---

function rungsFor(person: Person, order: Order, desk: Desk): Rung[] {
  const wayOf = (dialled: string) =>
    route({ dialled, calling: ORDER_CALLER.number, atMs: desk.clock.now() }, desk.routingBook).destination;
  const numbers = person.numbers.map(({ dial }) => ({ dial, way: wayOf(dial) }));
  const ours = numbers.flatMap(({ dial, way }) =>
    way.kind === 'account' && desk.phones.isRegistered(way.user) ? [dial] : [],
  );
  const outside = numbers.flatMap(({ dial, way }) => (way.kind === 'trunk' ? [dial] : []));
  return [
    voice('ip', ours, 'no phone of ours is registered', person, order, desk),
    voice('pstn', outside, 'no number outside', person, order, desk),
    {
      id: 'sms',
      obstacle: () => (desk.texts.isOnline() ? undefined : 'no short-message gateway'),
      climb: (signal) => text(person, order, signal, desk),
    },
    {
      id: 'burst',
      obstacle: () => (modemGateway(person.id, desk) ? undefined : 'no satellite modem'),
      climb: (signal) => burst(person, order, signal, desk),
    },
  ];
}

function voice(id: OrderRung, numbers: string[], none: string, person: Person, order: Order, desk: Desk): Rung {
  const action = ORDER_ACTIONS.find((each) => each.id === order.action)!.zh;
  return {
    id,
    obstacle: () => (numbers.length === 0 ? none : undefined),
    async climb(signal): Promise<RungOutcome> {
      const outcome = await callParty(
        {
          person: person.id,
          numbers,
          message: { text: `命令。${action}，${order.where}。${order.words}。`, language: 'zh' },
          confirm: 'press-1',
          ringForMs: ORDER_TIMES.ringForMs,
          confirmForMs: ORDER_TIMES.confirmForMs,
          from: ORDER_CALLER,
          isDrill: false,
          signal,
          onState: () => {},
        },
        desk,
      );
      if (outcome.kind === 'confirmed') return { kind: 'answered', answer: 'received' };
      if (outcome.kind === 'declined') return { kind: 'answered', answer: 'refused' };
      return { kind: 'failed', because: outcome.kind };
    },
  };
}

async function text(person: Person, order: Order, signal: AbortSignal, desk: Desk): Promise<RungOutcome> {
  const fitted = orderText(order);
  if (fitted.kind === 'too-long') return { kind: 'failed', because: 'too-long' };
  const id = `order-${orderCode(order.id)}-${person.id}-${order.at.toString(36)}`.slice(0, 64);
  const failed = Promise.withResolvers<RungOutcome>();
  const off = desk.texts.watch((state) => {
    if (state.id === id && state.state === 'failed')
      failed.resolve({ kind: 'failed', because: state.detail ?? 'failed' });
  });
  try {
    const sent = await desk.texts.send({ id, to: { person: person.id }, text: fitted.form });
    if (sent.state === 'failed') return { kind: 'failed', because: sent.detail ?? 'failed' };
    return await Promise.race([failed.promise, tooLate(ORDER_TIMES.textAnsweredWithinMs, signal, desk)]);
  } finally {
    off();
  }
}

async function burst(person: Person, order: Order, signal: AbortSignal, desk: Desk): Promise<RungOutcome> {
  const fitted = orderBurst(order);
  const gateway = modemGateway(person.id, desk);
  if (fitted.kind === 'too-long' || !gateway) return { kind: 'failed', because: 'no satellite modem' };
  const command = desk.chance.id('burst');
  const refused = Promise.withResolvers<RungOutcome>();
  const { results } = orders(desk);
  results.set(command, ({ outcome, because }) => {
    if (outcome === 'refused') refused.resolve({ kind: 'failed', because: because ?? 'refused' });
  });
  try {
    const payload = Buffer.from(fitted.form).toString('base64');
    await desk.sendToGateway(gateway, { kind: 'send-burst', command, to: person.id, payload });
    return await Promise.race([refused.promise, tooLate(ORDER_TIMES.burstAnsweredWithinMs, signal, desk)]);
  } finally {
    results.delete(command);
  }
}

/** The answer did not come in time. Never, when it came another way. */
function tooLate(afterMs: number, signal: AbortSignal, { clock }: Desk): Promise<RungOutcome> {
  return new Promise((resolve) => {
    const timer = clock.after(afterMs, () => resolve({ kind: 'failed', because: 'no answer in time' }));
    signal.addEventListener('abort', () => timer.cancel(), { once: true });
  });
}

/** The satellite gateway behind which a person's modem is; the modem goes by the person's id. */
function modemGateway(person: string, { resources }: Desk): string | undefined {
  return resources
    .gateways()
    .find(
      (each) =>
        each.isOnline &&
        each.resources.some(({ id, kind, state }) => kind === 'modem' && id === person && state !== 'down'),
    )?.id;
}

// --- the rows ---

function openRow(person: string, at: number) {
  const { promise, resolve } = Promise.withResolvers<{ answer: OrderAnswer; rung: OrderRung }>();
  const row: OpenRow = {
    person,
    state: 'trying',
    at,
    history: [],
    answer: (answer, rung) => resolve({ answer, rung }),
  };
  // What is shown is data alone.
  Object.defineProperty(row, 'answer', { enumerable: false });
  return { row, answered: promise };
}

/** Somebody has answered. False: nobody of this order, so that it is somebody else's business. */
function takeAnswer(
  id: number,
  answer: OrderAnswer,
  rung: OrderRung,
  desk: Desk,
  isHis: (row: OrderRow) => boolean,
): boolean {
  const found = orders(desk).open.get(id);
  const row = found?.rows.find(isHis);
  if (!found || !row) return false;
  if (row.state === 'trying' || row.state === 'failed') row.answer(answer, rung);
  // He had been given up, or says more than before: received, then done.
  else if (row.state !== answer) tell(row, found.order, answer, rung, undefined, desk);
  return true;
}

function tell(
  row: OrderRow,
  order: Order,
  state: OrderRowState,
  rung: OrderRung | undefined,
  detail: string | undefined,
  desk: Desk,
) {
  changeRow(row, desk.clock.now(), state, rung, detail);
  desk.timeline
    .append({
      kind: `order.${state}`,
      person: row.person,
      data: { order: orderCode(order.id), ...(rung ? { rung } : {}), ...(detail ? { detail } : {}) },
    })
    .catch((error: unknown) => desk.log.error('timeline entry lost', { error }));
}

/** Any number that no remembered order has. */
function freeId(desk: Desk): number {
  const { open } = orders(desk);
  for (;;) {
    const id = Math.floor(desk.chance.fraction() * ORDER_LIMITS.ids);
    if (!open.has(id)) return id;
  }
}
