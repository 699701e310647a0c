import type { Bridge } from '#calls/bridge.ts';
import type { Call } from '#calls/call-list.ts';
import type { DialOutcome, Leg, TransferRequest } from '#calls/leg.ts';
import type { Desk } from './desk.ts';

/** How long the third party may ring. */
const RING_FOR_MS = 60_000;

/** Lets the phones of a call transfer it: whoever asks drops out when the third has answered. */
export function followTransfers(legs: Leg[], bridge: Bridge, call: Call, desk: Desk): void {
  for (const leg of legs)
    leg.on('transfer-asked', (request) => {
      transfer(leg, request, bridge, call, desk).catch((error: unknown) =>
        desk.log.error('transfer failed', { callId: call.view.id, error }),
      );
    });
}

async function transfer(asker: Leg, request: TransferRequest, bridge: Bridge, call: Call, desk: Desk): Promise<void> {
  const partner = bridge.other(asker);
  // A transfer after consultation takes over a dialog of its own, which is not done yet: said so, not half done.
  if (!partner || request.isAttended) return request.refuse(501);
  const { number } = request;
  const progress = request.accept();
  await bridge.handsOn(asker);
  note('call.transfer-asked', { by: asker.party.number, to: number }, call, desk);
  const person = desk.directory.personByNumber(number);
  const outcome = await desk.dialler.dial(
    { number },
    {
      ringForMs: RING_FOR_MS,
      from: { number: partner.party.number, ...(partner.party.name ? { name: partner.party.name.zh } : {}) },
      party: { number, ...(person ? { person: person.id, name: person.name } : {}) },
      signal: partner.gone,
      onRinging: () => progress.tell(180, 'Ringing'),
    },
  );
  if (outcome.kind !== 'answered') {
    const [status, words] = refusalOf(outcome);
    progress.tell(status, words);
    note('call.transfer-failed', { by: asker.party.number, to: number, because: outcome.kind }, call, desk);
    return await bridge.handsOn(undefined);
  }
  call.legs.add(outcome.leg);
  call.legs.delete(asker);
  progress.tell(200, 'OK');
  await bridge.replace(asker, outcome.leg);
  note('call.transferred', { by: asker.party.number, to: number }, call, desk);
  followTransfers([outcome.leg], bridge, call, desk);
}

/** What the phone that asked is told (RFC 3515 §2.4.5). */
function refusalOf(outcome: Exclude<DialOutcome, { kind: 'answered' }>): [status: number, words: string] {
  switch (outcome.kind) {
    case 'busy':
      return [486, 'Busy Here'];
    case 'refused':
      return [603, 'Decline'];
    case 'unanswered':
      return [480, 'Temporarily Unavailable'];
    case 'unreachable':
      if (outcome.why === 'unknown-number') return [404, 'Not Found'];
      return outcome.why === 'not-registered' ? [480, 'Temporarily Unavailable'] : [503, 'Service Unavailable'];
    case 'cancelled':
      return [487, 'Request Terminated'];
  }
}

function note(kind: string, data: Record<string, unknown>, call: Call, { timeline, log }: Desk): void {
  timeline
    .append({ kind, call: call.view.id, data })
    .catch((error: unknown) => log.error('timeline entry lost', { kind, error }));
}
