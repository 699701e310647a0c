import type { PressedCode } from '@tocsin/protocol/features.ts';
import { Aside } from '#calls/aside.ts';
import type { Call } from '#calls/call-list.ts';
import { KeyGate } from '#calls/key-gate.ts';
import type { Leg } from '#calls/leg.ts';
import { TONES } from '#calls/tones.ts';
import { sleep } from '#kernel/clock.ts';
import { addByKeys } from './add-to-call.ts';
import { consult } from './consult.ts';
import type { Desk } from './desk.ts';
import { parkByPhone } from './park-call.ts';
import { pauseByKeys, recordByKeys } from './record-talk.ts';
import { hasWaiting, takeWaitingByKeys } from './call-waiting.ts';
import { handOn } from './transfer-call.ts';

/** How long the busy tone says that it came to nothing. */
const BUSY_TONE_MS = 1_500;

/** Event 16 of RFC 4733, as digits come: the recall key, or a hook-flash. */
const RECALL_KEY = '!';

/** What our phones can do with a call by the keys that they press while they talk. */
const PRESSED: { [Code in PressedCode]: (by: Leg, call: Call, desk: Desk) => Promise<unknown> } = {
  transfer: transferByKeys,
  consult,
  addParty: addByKeys,
  park: parkByPhone,
  record: recordByKeys,
  pauseRecording: pauseByKeys,
  takeWaiting: takeWaitingByKeys,
};

/** The keys of one call's legs: codes of our own phones are taken out, all others go to the far end. */
export class InCallKeys {
  readonly #call: Call;
  readonly #desk: Desk;
  readonly #gates = new Map<Leg, KeyGate<PressedCode>>();

  constructor(call: Call, desk: Desk) {
    this.#call = call;
    this.#desk = desk;
  }

  /** True when the key is kept; what turns out to be no code is passed on later. */
  take(leg: Leg, key: string): boolean {
    if (leg.party.account === undefined) return false;
    if (key === RECALL_KEY && hasWaiting(leg, this.#desk)) {
      this.#do('takeWaiting', leg);
      return true;
    }
    let gate = this.#gates.get(leg);
    if (!gate) this.#gates.set(leg, (gate = this.#gateOf(leg)));
    gate.press(key);
    return true;
  }

  #gateOf(leg: Leg): KeyGate<PressedCode> {
    const call = this.#call;
    const desk = this.#desk;
    const { pressed } = desk.directory.site.features;
    return new KeyGate({
      codes: new Map((Object.entries(pressed) as [PressedCode, string][]).map(([meaning, code]) => [code, meaning])),
      clock: desk.clock,
      letThrough: (keys) => void call.bridge?.passDigits(leg, keys),
      onCode: (code) => this.#do(code, leg),
    });
  }

  #do(code: PressedCode, leg: Leg): void {
    const call = this.#call;
    this.#desk.calls.note(call, 'call.code-pressed', { by: leg.party.number, code });
    PRESSED[code](leg, call, this.#desk).catch((error: unknown) =>
      this.#desk.log.error('feature of a call failed', { callId: call.view.id, code, error }),
    );
  }
}

/** The phone dials whom its partner shall talk with, and may hang up at once. */
async function transferByKeys(by: Leg, call: Call, desk: Desk): Promise<void> {
  const bridge = call.bridge;
  const partner = bridge?.other(by);
  if (!bridge || !partner) return;
  await bridge.take(by);
  await using aside = await Aside.open(by, desk.engine);
  const number = await aside.askNumber(desk.clock);
  if (number !== undefined) {
    await handOn(by, number, { by: by.party.number }, call, desk, {
      onRinging: () => void aside.play(TONES.ringing).catch(() => {}),
      async onSettled({ kind }) {
        if (kind === 'answered' || by.state === 'ended') return await aside.stop();
        void aside.play(TONES.busy).catch(() => {});
        await sleep(desk.clock, BUSY_TONE_MS, by.gone).catch(() => {});
        await aside.stop();
      },
    });
  } else if (bridge.isOver) await by.hangUp(await partner.ended);
  else if (by.state === 'ended') await partner.hangUp(await by.ended);
  else await bridge.add(by);
}
