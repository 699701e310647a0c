import { Aside } from '#calls/aside.ts';
import { Bridge } from '#calls/bridge.ts';
import type { Call } from '#calls/call-list.ts';
import { KeyGate } from '#calls/key-gate.ts';
import type { Leg } from '#calls/leg.ts';
import { TONES } from '#calls/tones.ts';
import { sleep } from '#kernel/clock.ts';
import { dialFor } from './dial-for.ts';
import type { Desk } from './desk.ts';
import { partiesOf } from './record-talk.ts';
import { joinPartners } from './transfer-call.ts';

const RING_FOR_MS = 60_000;
const BUSY_TONE_MS = 1_500;

/**
 * A phone without keys for it asks somebody else back while its partner hears music. Then: hanging up, or the code of a
 * transfer, joins the two; the code of the consultation again goes back to the partner.
 */
export async function consult(by: Leg, call: Call, desk: Desk): Promise<void> {
  const bridge = call.bridge;
  const partner = bridge?.other(by);
  if (!bridge || !partner) return;
  await bridge.take(by);
  const third = await callThird(by, partner, desk);
  if (third) await talkAside(by, third, partner, call, desk);
  else if (by.state === 'ended') await partner.hangUp(await by.ended);
  else if (bridge.isOver) await by.hangUp(await partner.ended);
  else await bridge.add(by);
}

/** Asks for the number and rings it; undefined when that came to nothing. */
async function callThird(by: Leg, partner: Leg, desk: Desk): Promise<Leg | undefined> {
  await using aside = await Aside.open(by, desk.engine);
  const number = await aside.askNumber(desk.clock);
  if (number === undefined) return undefined;
  const outcome = await dialFor(by, number, desk, {
    from: by.party,
    ringForMs: RING_FOR_MS,
    signal: AbortSignal.any([by.gone, partner.gone]),
    onRinging: () => void aside.play(TONES.ringing).catch(() => {}),
  });
  if (outcome.kind === 'answered') return outcome.leg;
  if (by.state === 'ended' || partner.state === 'ended') return undefined;
  void aside.play(TONES.busy).catch(() => {});
  await sleep(desk.clock, BUSY_TONE_MS, by.gone).catch(() => {});
  return undefined;
}

async function talkAside(by: Leg, third: Leg, partner: Leg, call: Call, desk: Desk): Promise<void> {
  const second = desk.calls.begin(
    { kind: 'two-party', from: by.party, to: third.party, about: call.view.id },
    by,
    third,
  );
  desk.calls.answered(second);
  await goOnConsulting(second, { by, third, partner }, call, desk);
}

/** The asker and the third talk in a call of their own, until the asker has chosen what becomes of it. */
export async function goOnConsulting(
  second: Call,
  { by, third, partner }: { by: Leg; third: Leg; partner: Leg },
  call: Call,
  desk: Desk,
): Promise<void> {
  Object.assign(second.sides, { from: by, to: third });
  const choice = Promise.withResolvers<'join' | 'back' | 'stay'>();
  const { pressed } = desk.directory.site.features;
  const keys = new KeyGate<'join' | 'back'>({
    codes: new Map([
      [pressed.transfer, 'join'],
      [pressed.consult, 'back'],
    ]),
    clock: desk.clock,
    onCode: (code) => choice.resolve(code),
    letThrough: (through) => void second.bridge?.passDigits(by, through),
  });
  await using aside = await Bridge.join([by, third], {
    engine: desk.engine,
    recordings: desk.recordings,
    holdMusicFile: desk.holdMusicFile,
    recorded: {
      ...partiesOf(second, [by, third]),
      ...{ call: second.view.id, title: `${by.party.number} → ${third.party.number}` },
    },
    onRecording: (state) => desk.calls.change(second, state),
    onHeld: (isHeld) => desk.calls.held(second, isHeld),
    leavesTheOther: true,
    takesDigit(leg, digit) {
      if (leg !== by) return false;
      keys.press(digit);
      return true;
    },
  });
  second.bridge = aside;
  void by.ended.then(() => choice.resolve('join'));
  void third.ended.then(() => choice.resolve('back'));
  void partner.ended.then(() => choice.resolve('stay'));
  switch (await choice.promise) {
    case 'join':
      if (call.bridge!.isOver) {
        await third.hangUp('transferred');
        break;
      }
      await joinPartners({ asker: by, call }, { asker: by, call: second }, desk);
      break;
    case 'back':
      await third.hangUp('transferred');
      await aside.take(by);
      await call.bridge!.add(by);
      break;
    case 'stay': {
      // Who waited has gone: the consultation goes on as a call of its own.
      const reason = await Promise.race([by.ended, third.ended]);
      await Promise.all([by.hangUp(reason), third.hangUp(reason)]);
    }
  }
  desk.calls.end(second, 'consultation-ended');
}
