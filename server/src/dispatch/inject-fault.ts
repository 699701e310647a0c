import type { CommandOf } from '@tocsin/protocol/console.ts';
import type { Fault } from '@tocsin/protocol/gateway.ts';
import type { GatewayView } from '@tocsin/protocol/views.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Timer } from '#kernel/clock.ts';
import type { Actor, Desk } from './desk.ts';

type StandingFault = GatewayView['faults'][number] & { mend: Timer };

/** The faults that stand, by gateway: in memory only, as they are at the gateways. */
const standing = new WeakMap<Desk, Map<string, StandingFault[]>>();
/** A gateway answers a command at once; longer than this and it is not there. */
const ANSWER_WITHIN_MS = 5000;

export function faultsOf(gateway: string, desk: Desk): GatewayView['faults'] {
  return (standing.get(desk)?.get(gateway) ?? []).map(({ mend: _mend, ...fault }) => fault);
}

/**
 * Plays a fault at a gateway, for an exercise: marked on every desk, on the timeline, and mended by itself after its time.
 * A real site's gateways refuse.
 */
export async function injectFault(command: CommandOf<'fault.inject'>, actor: Actor, desk: Desk) {
  const { gateway, resource, fault, amount, seconds } = command;
  const known = desk.resources.gateway(gateway);
  if (!known) throw new DispatchError('NOT_FOUND', `gateway "${gateway}"`);
  if (!known.isOnline) throw new DispatchError('GATEWAY_OFFLINE', gateway);
  // A gateway's own way to us is cut for its whole time at once: nothing would reach it to mend it.
  const isOwnWay = resource === gateway && fault === 'cut';
  const howMuch = isOwnWay ? seconds * 1000 : amount;
  const { outcome, because = '' } = await desk.asks.ask(
    gateway,
    { kind: 'inject-fault', resource, fault, ...(howMuch === undefined ? {} : { amount: howMuch }) },
    ANSWER_WITHIN_MS,
  );
  if (outcome === 'refused') throw new DispatchError('FAULT_REFUSED', because);
  forget(gateway, resource, desk);
  await note(fault === 'none' ? 'fault.mended' : 'fault.injected', { gateway, resource, fault, seconds }, actor, desk);
  if (fault === 'none' || fault === 'kill') return tell(gateway, desk);
  const faults = ofDesk(desk);
  const one: StandingFault = {
    resource,
    fault,
    ...(amount === undefined ? {} : { amount }),
    by: actor.user,
    since: desk.clock.now(),
    mend: desk.clock.after(seconds * 1000, () => {
      if (isOwnWay) {
        forget(gateway, resource, desk);
        return tell(gateway, desk);
      }
      injectFault({ ...command, fault: 'none' as Fault }, actor, desk).catch((error: unknown) => {
        desk.log.warn('a fault was not mended', { gateway, resource, error });
        forget(gateway, resource, desk);
        tell(gateway, desk);
      });
    }),
  };
  faults.set(gateway, [...(faults.get(gateway) ?? []), one]);
  tell(gateway, desk);
}

function forget(gateway: string, resource: string, desk: Desk): void {
  const all = ofDesk(desk).get(gateway) ?? [];
  for (const fault of all) if (fault.resource === resource) fault.mend.cancel();
  ofDesk(desk).set(
    gateway,
    all.filter((fault) => fault.resource !== resource),
  );
}

function ofDesk(desk: Desk): Map<string, StandingFault[]> {
  const known = standing.get(desk) ?? new Map<string, StandingFault[]>();
  standing.set(desk, known);
  return known;
}

/** The gateway's view has changed. */
function tell(gateway: string, desk: Desk): void {
  const state = desk.resources.gateway(gateway);
  if (state) desk.resources.emit('changed', state);
}

async function note(kind: string, data: Record<string, unknown>, actor: Actor, desk: Desk): Promise<void> {
  await desk.timeline.append({ kind, actor: actor.user, isDrill: true, data });
}
