import type { CommandOf } from '@tocsin/protocol/console.ts';
import type { Call } from '#calls/call-list.ts';
import type { DialOutcome, Leg } from '#calls/leg.ts';
import type { SeekOptions } from '#calls/seek.ts';
import { TONES } from '#calls/tones.ts';
import type { WaitingCall } from '#calls/waiting-calls.ts';
import { sleep } from '#kernel/clock.ts';
import { DispatchError } from '#kernel/errors.ts';
import { comeBack } from './come-back.ts';
import type { Actor, Desk } from './desk.ts';

/** Between two tones that tell of a waiting call (GB 3380: 0.4 s of tone, 4 s without). */
const TONE_EVERY_MS = 4_400;

/** What waiting for a phone needs of the house. */
export type WaitingHouse = Pick<Desk, 'calls' | 'waiting' | 'clock' | 'log'>;

/** A phone with one line that has two calls: it talks in one, and the other party hears music. */
interface TwoCalls {
  active: Call;
  held: Call;
}

const TWO_CALLS = new WeakMap<Leg, TwoCalls>();

/** Lets a caller wait for a phone that talks, while its user hears a tone now and then. */
export async function waitForPhone(
  account: string,
  { call, ringForMs, signal, onWaiting }: SeekOptions,
  house: WaitingHouse,
): Promise<DialOutcome | { kind: 'free' }> {
  // Who is handed on, and whoever else has no call of his own, is not kept waiting: the phone is busy.
  if (call === undefined) return { kind: 'busy' };
  onWaiting?.();
  const over = new AbortController();
  void soundTone(account, over.signal, house);
  const waited = await house.waiting.wait(account, call, { ringForMs, signal });
  over.abort();
  return waited;
}

async function soundTone(account: string, signal: AbortSignal, { calls, clock }: WaitingHouse): Promise<void> {
  while (!signal.aborted) {
    const [leg, bridge] = talkOf(account, calls.all()) ?? [];
    // A talk that ends in this moment needs no tone; the next one gets it.
    if (leg) await bridge?.beep(TONES.waiting, leg).catch(() => {});
    await sleep(clock, TONE_EVERY_MS, signal).catch(() => {});
  }
}

function talkOf(account: string, calls: readonly Call[]): [Leg, NonNullable<Call['bridge']>] | undefined {
  for (const { bridge } of calls) {
    const leg = bridge?.isOver === false && bridge.legs().find(({ party }) => party.account === account);
    if (leg) return [leg, bridge];
  }
  return undefined;
}

/** Whether this leg's phone can change to another call: one waits, or it has put one aside. */
export function hasWaiting(leg: Leg, { waiting }: Pick<Desk, 'waiting'>): boolean {
  return TWO_CALLS.has(leg) || waiting.first(leg.party.account ?? '') !== undefined;
}

/** Whether a leg that is left alone in one call has another to go to. */
export const hasTwoCalls = (leg: Leg): boolean => TWO_CALLS.has(leg);

/** A phone that talks takes the call that waits for it, or changes to the one that it has put aside. */
export async function takeWaitingByKeys(by: Leg, call: Call, desk: Desk): Promise<void> {
  if (TWO_CALLS.has(by)) return await swap(by, desk);
  const waiting = desk.waiting.first(by.party.account!);
  if (waiting) await take(waiting, by, call, desk);
}

/** From the desk: the phone for which a call waits takes it. */
export async function takeWaitingAtDesk({ call: id }: CommandOf<'call.take-waiting'>, actor: Actor, desk: Desk) {
  const waiting = desk.waiting.of(id);
  const talk = waiting && talkOf(waiting.account, desk.calls.all());
  const call = talk && desk.calls.of(talk[0]);
  if (!call || !(await take(waiting, talk[0], call, desk, actor.user))) throw new DispatchError('CALL_STATE', id);
}

/** After a restart: this phone talks in one call and has put the other aside. */
export function goOnWithBoth(by: Leg, active: Call, held: Call, desk: Desk): void {
  TWO_CALLS.set(by, { active, held });
  followBoth(by, desk);
}

async function take(waiting: WaitingCall, by: Leg, held: Call, desk: Desk, actor?: string): Promise<boolean> {
  const active = desk.calls.get(waiting.call);
  if (TWO_CALLS.has(by) || !held.bridge?.other(by)) return false;
  await putAside(by, held, desk);
  TWO_CALLS.set(by, { active, held });
  if (by.state === 'ended' || !waiting.takeBy(by)) {
    TWO_CALLS.delete(by);
    await takeBack(by, held, desk);
    return false;
  }
  desk.calls.note(active, 'call.waiting-taken', { by: by.party.number, aside: held.view.id }, actor);
  followBoth(by, desk);
  return true;
}

async function swap(by: Leg, desk: Desk): Promise<void> {
  const two = TWO_CALLS.get(by)!;
  const { active, held } = two;
  if (!active.bridge?.other(by) || held.bridge?.isOver !== false) return;
  await putAside(by, active, desk);
  await takeBack(by, held, desk);
  Object.assign(two, { active: held, held: active });
  desk.calls.note(held, 'call.swapped', { by: by.party.number, aside: active.view.id });
}

/** His partner hears music. */
async function putAside(by: Leg, call: Call, desk: Desk): Promise<void> {
  await call.bridge!.take(by);
  call.legs.delete(by);
  desk.calls.held(call, true);
}

async function takeBack(by: Leg, call: Call, desk: Desk): Promise<void> {
  const { bridge } = call;
  const partner = bridge?.legs()[0];
  if (!bridge || !partner || bridge.isOver) return await by.hangUp('callee-hung-up');
  if (by.state === 'ended') {
    const outcome = await comeBack(by, partner, call, desk);
    if (outcome.kind !== 'answered') return await partner.hangUp('nobody-answered');
    return desk.calls.held(call, false);
  }
  await bridge.add(by);
  call.legs.add(by);
  desk.calls.held(call, false);
}

/** When the talk of now ends, the phone is back in the other; when it hangs up, it is called again for the other. */
function followBoth(by: Leg, desk: Desk): void {
  const stop = () => {
    off();
    offEnded();
    TWO_CALLS.delete(by);
  };
  const goBack = (call: Call) => {
    stop();
    takeBack(by, call, desk).catch((error: unknown) =>
      desk.log.error('a call that was put aside is not taken back', { callId: call.view.id, error }),
    );
  };
  const off = desk.calls.on('changed', (call) => {
    const two = TWO_CALLS.get(by);
    if (!two || call.view.state !== 'ended') return;
    if (call === two.active) goBack(two.held);
    else if (call === two.held) stop();
  });
  const offEnded = by.once('ended', () => {
    const two = TWO_CALLS.get(by);
    if (two) goBack(two.held);
  });
}
