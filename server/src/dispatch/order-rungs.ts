import type { Person } from '@tocsin/protocol/directory.ts';
import type { GatewayCommandResult } from '@tocsin/protocol/gateway.ts';
import { ORDER_ACTIONS, orderBurst, orderCode, orderText, type Order } from '@tocsin/protocol/order-burst.ts';
import type { OrderRung } from '@tocsin/protocol/orders.ts';
import { callParty } from '#calls/call-party.ts';
import { route } from '#calls/routing/route.ts';
import type { Desk } from './desk.ts';
import type { Rung, RungOutcome } from './order-ladder.ts';

export const ORDER_TIMES = {
  ringForMs: 25_000,
  confirmForMs: 20_000,
  /** A text, and a burst, that is not answered by then leads to the next rung; later answers still count. */
  textAnsweredWithinMs: 120_000,
  burstAnsweredWithinMs: 600_000,
} as const;

/** The number that an order's calls show, and the name beside it. */
const ORDER_CALLER = { number: '8000', name: 'Tocsin' };

/** Hears what a gateway says to a command; what it returns stops that. */
export type HearResult = (command: string, heard: (result: GatewayCommandResult) => void) => () => void;

/** One person of one order. The place is his among the order's people: what is sent to him has its id from it. */
interface Addressee {
  person: Person;
  place: number;
  order: Order;
}

/**
 * The rungs of the ladder for one person. What leaves the house has an id that is made of the order's: a rung that is tried
 * again after the server died sends no second text and no second burst. A call is placed again; nobody knows what the first
 * one came to.
 */
export function rungsFor(addressee: Addressee, desk: Desk, hearResult: HearResult): Rung[] {
  const { person } = addressee;
  const wayOf = (dialled: string) =>
    route({ dialled, calling: ORDER_CALLER.number, atMs: desk.clock.now() }, desk.routingBook).destination;
  const numbers = () => person.numbers.map(({ dial }) => ({ dial, way: wayOf(dial) }));
  const ours = () =>
    numbers().flatMap(({ dial, way }) => (way.kind === 'account' && desk.phones.isRegistered(way.user) ? [dial] : []));
  const outside = () => numbers().flatMap(({ dial, way }) => (way.kind === 'trunk' ? [dial] : []));
  return [
    voice('ip', ours, 'no phone of ours is registered', addressee, desk),
    voice('pstn', outside, 'no number outside', addressee, desk),
    {
      id: 'sms',
      obstacle: () => (desk.texts.isOnline() ? undefined : 'no short-message gateway'),
      climb: (signal, begunAt) => text(addressee, begunAt, signal, desk),
    },
    {
      id: 'burst',
      obstacle: () => (modemGateway(person.id, desk) ? undefined : 'no satellite modem'),
      climb: (signal, begunAt) => burst(addressee, begunAt, signal, desk, hearResult),
    },
  ];
}

function voice(id: OrderRung, numbers: () => string[], none: string, addressee: Addressee, desk: Desk): Rung {
  const { person, order } = addressee;
  const action = ORDER_ACTIONS.find((each) => each.id === order.action)!.zh;
  return {
    id,
    obstacle: () => (numbers().length === 0 ? none : undefined),
    async climb(signal): Promise<RungOutcome> {
      const outcome = await callParty(
        {
          person: person.id,
          numbers: numbers(),
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

async function text(addressee: Addressee, begunAt: number, signal: AbortSignal, desk: Desk): Promise<RungOutcome> {
  const { person, order } = addressee;
  const fitted = orderText(order);
  if (fitted.kind === 'too-long') return { kind: 'failed', because: 'too-long' };
  const id = `order-${stampOf(addressee)}`;
  const failed = Promise.withResolvers<RungOutcome>();
  const off = desk.texts.watch((state) => {
    if (state.id === id && state.state === 'failed')
      failed.resolve({ kind: 'failed', because: state.detail ?? 'failed' });
  });
  try {
    const sent = await desk.texts.send({ id, to: { person: person.id }, text: fitted.form });
    if (sent.state === 'failed') return { kind: 'failed', because: sent.detail ?? 'failed' };
    return await Promise.race([failed.promise, tooLate(begunAt + ORDER_TIMES.textAnsweredWithinMs, signal, desk)]);
  } finally {
    off();
  }
}

async function burst(
  addressee: Addressee,
  begunAt: number,
  signal: AbortSignal,
  desk: Desk,
  hearResult: HearResult,
): Promise<RungOutcome> {
  const { person, order } = addressee;
  const fitted = orderBurst(order);
  if (fitted.kind === 'too-long') return { kind: 'failed', because: 'too-long' };
  const command = `burst-${stampOf(addressee)}`;
  const refused = Promise.withResolvers<RungOutcome>();
  const off = hearResult(command, ({ outcome, because }) => {
    if (outcome === 'refused') refused.resolve({ kind: 'failed', because: because ?? 'refused' });
  });
  const late = tooLate(begunAt + ORDER_TIMES.burstAnsweredWithinMs, signal, desk);
  try {
    // After a restart the modem's gateway may come later than we.
    const gateway = await Promise.race([modemGatewayComes(person.id, signal, desk), late.then(() => undefined)]);
    if (gateway) {
      const payload = Buffer.from(fitted.form).toString('base64');
      await desk.sendToGateway(gateway, { kind: 'send-burst', command, to: person.id, payload });
    }
    return await Promise.race([refused.promise, late]);
  } finally {
    off();
  }
}

/** What tells one order to one person from every other one, also across restarts. */
function stampOf({ order, place }: Addressee): string {
  return `${orderCode(order.id)}-${order.at.toString(36)}-${place}`;
}

/** The answer did not come in time. Never, when it came another way. */
function tooLate(at: number, signal: AbortSignal, { clock }: Desk): Promise<RungOutcome> {
  return new Promise((resolve) => {
    const timer = clock.after(Math.max(0, at - clock.now()), () =>
      resolve({ kind: 'failed', because: 'no answer in time' }),
    );
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

function modemGatewayComes(person: string, signal: AbortSignal, desk: Desk): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const look = () => {
    const gateway = modemGateway(person, desk);
    if (gateway) resolve(gateway);
  };
  const off = desk.resources.on('changed', look);
  signal.addEventListener('abort', off, { once: true });
  look();
  return promise.finally(off);
}
