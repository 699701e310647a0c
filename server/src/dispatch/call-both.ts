import { Aside } from '#calls/aside.ts';
import type { DialOutcome, Leg, Party } from '#calls/leg.ts';
import { TONES } from '#calls/tones.ts';
import { talk } from './talk.ts';
import { mayDial } from './dial-for.ts';
import type { Desk } from './desk.ts';

const FIRST_RINGS_FOR_MS = 45_000;
const SECOND_RINGS_FOR_MS = 60_000;

/** How two who were called fared. */
export type CallBothOutcome =
  | { kind: 'talked'; call: string }
  | { kind: 'first-not-reached'; because: DialOutcome['kind'] }
  | { kind: 'second-not-reached'; because: DialOutcome['kind'] | 'barred' };

/** Calls one and, when he has answered, the other; they talk. Resolves when that is over. */
export async function callBoth(first: string, second: string, title: string, desk: Desk): Promise<CallBothOutcome> {
  const outcome = await desk.dialler.dial(
    { number: first },
    {
      ringForMs: FIRST_RINGS_FOR_MS,
      from: { number: second, ...nameOf(second, desk) },
      party: partyOf(first, desk),
    },
  );
  if (outcome.kind !== 'answered') return { kind: 'first-not-reached', because: outcome.kind };
  if (outcome.leg.party.account !== undefined && !mayDial(outcome.leg, second, desk)) {
    await outcome.leg.hangUp('declined');
    return { kind: 'second-not-reached', because: 'barred' };
  }
  return await putThroughTo(outcome.leg, partyOf(second, desk), { title }, desk);
}

/** Somebody whose phone has answered is put through to another, whom he hears ringing; they talk. */
export async function putThroughTo(
  leg: Leg,
  to: Party,
  { alarm, ...recorded }: { title: string; alarm?: string; incident?: string },
  desk: Desk,
): Promise<CallBothOutcome> {
  const call = desk.calls.begin({ kind: 'two-party', from: leg.party, to, ...(alarm ? { alarm } : {}) }, leg);
  const outcome = await ringHeard(leg, to, desk);
  if (outcome.kind !== 'answered') {
    desk.calls.end(call, leg.state === 'ended' ? await leg.ended : outcome.kind);
    await leg.hangUp('nobody-answered');
    return { kind: 'second-not-reached', because: outcome.kind };
  }
  call.legs.add(outcome.leg);
  desk.calls.answered(call);
  desk.calls.end(call, await talk(call, [leg, outcome.leg], recorded, desk));
  return { kind: 'talked', call: call.view.id };
}

async function ringHeard(leg: Leg, to: Party, desk: Desk): Promise<DialOutcome> {
  await using aside = await Aside.open(leg, desk.engine);
  return await desk.dialler.dial(
    { number: to.number },
    {
      ringForMs: SECOND_RINGS_FOR_MS,
      from: { number: leg.party.number, ...(leg.party.name ? { name: leg.party.name.zh } : {}) },
      party: to,
      signal: leg.gone,
      onRinging: () => void aside.play(TONES.ringing).catch(() => {}),
    },
  );
}

function partyOf(number: string, desk: Desk): Party {
  const person = desk.directory.personByNumber(number);
  return { number, ...(person ? { person: person.id, name: person.name } : {}) };
}

function nameOf(number: string, desk: Desk): { name?: string } {
  const name = partyOf(number, desk).name?.zh;
  return name === undefined ? {} : { name };
}
