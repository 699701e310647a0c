import type { Words } from '@tocsin/protocol/reaching.ts';
import { Bridge } from '#calls/bridge.ts';
import type { Call } from '#calls/call-list.ts';
import type { HangUpReason, Leg } from '#calls/leg.ts';
import type { RecordingOf } from '#calls/recording.ts';
import { hasTwoCalls } from './call-waiting.ts';
import type { Desk } from './desk.ts';
import { InCallKeys } from './in-call-keys.ts';
import { partiesOf } from './record-talk.ts';
import { handOnAsAsked } from './transfer-call.ts';

/**
 * Two legs talk until the call is over, wherever they are taken meanwhile: into a conference and back, to a park slot,
 * from hand to hand. `greeting` is heard by the first alone, before he is put through; `absent` is elsewhere at first, and the
 * other hears music. Resolves with the reason of the end; nobody of the call is on the line then.
 */
export async function talk(
  call: Call,
  legs: [from: Leg, to: Leg],
  { greeting, absent, ...recorded }: Omit<RecordingOf, 'call'> & { greeting?: Words; absent?: Leg | undefined },
  desk: Desk,
): Promise<HangUpReason> {
  for (let two = legs; ;) {
    Object.assign(call.sides, { from: two[0], to: two[1] });
    const here = two === legs ? two.filter((leg) => leg !== absent) : two;
    for (const leg of here) call.legs.add(leg);
    const keys = new InCallKeys(call, desk);
    await using bridge = await Bridge.join(here, {
      engine: desk.engine,
      recordings: desk.recordings,
      holdMusicFile: desk.holdMusicFile,
      recorded: { ...recorded, ...partiesOf(call, two), call: call.view.id },
      recordedEarlier: { ...call.view },
      onRecording: (state) => desk.calls.change(call, state),
      onHeld: (isHeld) => desk.calls.held(call, isHeld),
      onTransferAsked: (leg, request) => handOnAsAsked(leg, request, call, desk),
      takesDigit: (leg, digit) => keys.take(leg, digit),
      leavesTheOther: hasTwoCalls,
    });
    call.bridge = bridge;
    if (greeting && two === legs) greet(bridge, two[0], greeting, desk);
    const end = await bridge.ended;
    if (end !== 'taken-elsewhere') return end;
    const after = await call.elsewhere;
    delete call.elsewhere;
    if (!after) return 'transferred';
    if (after.kind === 'over') return after.reason;
    two = after.legs;
  }
}

/** A greeting that cannot be spoken is left out: the two talk. */
function greet(bridge: Bridge, listener: Leg, words: Words, desk: Desk): void {
  desk.engine
    .speak(words)
    .then(({ file }) => bridge.play({ kind: 'file', path: file }, { to: listener }))
    .catch((error: unknown) => desk.log.warn('greeting not played', { error }));
}
