import type { CommandOf } from '@tocsin/protocol/console.ts';
import type { Call } from '#calls/call-list.ts';
import type { Leg } from '#calls/leg.ts';
import type { RecordedParties } from '#calls/recording-rules.ts';
import type { TalkRecording } from '#calls/talk-recording.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Actor, Desk } from './desk.ts';

type Act = 'start' | 'stop' | 'pause' | 'resume';
type Talk = { call?: string | undefined; conference?: string | undefined };

/** The desk records a call or a conference, whatever the rules leave to it. @throws DispatchError RECORDING_FORBIDDEN, RECORDING_FAILED, CALL_STATE */
export const startRecording = byDesk('start');
export const stopRecording = byDesk('stop');
/** What follows stays out of the file. */
export const pauseRecording = byDesk('pause');
export const resumeRecording = byDesk('resume');

function byDesk(act: Act) {
  return async (talk: Talk & CommandOf<`recording.${Act}`>, { user }: Actor, desk: Desk): Promise<void> => {
    await recordingOf(talk, desk)[act]({ user });
  };
}

/** @throws DispatchError CALL_UNKNOWN, CONFERENCE_UNKNOWN, CALL_STATE when nobody talks */
function recordingOf({ call: id, conference }: Talk, desk: Desk): TalkRecording {
  if (conference !== undefined) return desk.conferences.get(conference).recording;
  if (id === undefined) throw new DispatchError('REQUEST_MALFORMED', 'call or conference');
  const { bridge } = desk.calls.get(id);
  if (!bridge || bridge.isOver) throw new DispatchError('CALL_STATE', id);
  return bridge.recording;
}

/** A phone records its talk, or has recorded enough. What a rule wants recorded goes on, and its key is noted. */
export async function recordByKeys(by: Leg, call: Call, desk: Desk): Promise<void> {
  await byPhone(by, call, desk, ({ isRecording }) => (isRecording ? 'stop' : 'start'));
}

/** A phone keeps what follows out of the recording that it has begun, or lets it in again. */
export async function pauseByKeys(by: Leg, call: Call, desk: Desk): Promise<void> {
  await byPhone(by, call, desk, ({ isRecordingPaused }) => (isRecordingPaused ? 'resume' : 'pause'));
}

async function byPhone(by: Leg, call: Call, desk: Desk, actOf: (state: TalkRecording['state']) => Act): Promise<void> {
  const recording = call.bridge?.recording;
  if (!recording) return;
  const phone = by.party.number;
  const act = actOf(recording.state);
  try {
    await recording[act]({ phone });
  } catch (error) {
    if (!(error instanceof DispatchError)) throw error;
    desk.calls.note(call, 'recording.refused', { by: phone, act, because: error.code });
  }
}

/** Who talks with whom, for the rules of recording and for whoever looks for it later. */
export function partiesOf({ view }: Call, legs: readonly Leg[]): RecordedParties {
  const { from, to } = view;
  const [first] = legs;
  const trunk = view.trunk ?? legs.find(({ party }) => party.trunk !== undefined)?.party.trunk;
  return {
    ...{ caller: from.number, called: to.number, accounts: legs.flatMap(({ party }) => party.account ?? []) },
    people: [from.person, to.person].filter((person) => person !== undefined),
    ...(trunk === undefined ? {} : { trunk }),
    direction: first?.party.trunk !== undefined ? 'in' : trunk === undefined ? 'internal' : 'out',
  };
}
