import type { CommandOf } from '@tocsin/protocol/console.ts';
import type { IncidentView } from '@tocsin/protocol/views.ts';
import { DispatchError } from '#kernel/errors.ts';
import type { Actor, Desk } from './desk.ts';

/** A warning for the public and for other offices: an alert, and after it updates. */
export async function publishWarning(order: CommandOf<'incident.publish-warning'>, actor: Actor, desk: Desk) {
  const incident = await openIncidentOf(order.incident, desk);
  const { headline, text, instruction, category, urgency, certainty, area, forHours } = order;
  const published = await desk.warnings.publish(
    incident,
    {
      ...{ headline, category, urgency, certainty, area },
      event: order.event ?? incident.title,
      level: order.level ?? incident.level,
      isDrill: incident.isDrill,
      expiresAt: Math.floor(desk.clock.now() / 1000) * 1000 + forHours * 3600_000,
      ...(text && { text }),
      ...(instruction && { instruction }),
    },
    actor.user,
  );
  tellGateways(desk, published);
  return { identifier: published.identifier, messageType: published.messageType };
}

export async function cancelWarning(
  { incident: id, text }: CommandOf<'incident.cancel-warning'>,
  actor: Actor,
  desk: Desk,
) {
  const incident = await desk.incidents.get(id);
  if (!incident) throw new DispatchError('INCIDENT_UNKNOWN', id);
  if (gatewaysOf(desk).length === 0) throw new DispatchError('GATEWAY_OFFLINE', 'CAP');
  const cancelled = await desk.warnings.cancel(incident, text, actor.user);
  tellGateways(desk, cancelled);
  return { identifier: cancelled.identifier, messageType: cancelled.messageType };
}

/** A gateway has come online: it is told what it has not answered. */
export async function repeatWarnings(desk: Desk): Promise<void> {
  for (const order of await desk.warnings.pending()) tellGateways(desk, order);
}

async function openIncidentOf(id: string, desk: Desk): Promise<IncidentView> {
  const incident = await desk.incidents.get(id);
  if (!incident) throw new DispatchError('INCIDENT_UNKNOWN', id);
  if (incident.state === 'closed') throw new DispatchError('INCIDENT_CLOSED', incident.number);
  // One that has been there and is away gets the order when it is back.
  if (gatewaysOf(desk).length === 0) throw new DispatchError('GATEWAY_OFFLINE', 'CAP');
  return incident;
}

function gatewaysOf(desk: Desk) {
  return desk.resources.gateways().filter(({ kind }) => kind === 'cap');
}

function tellGateways(desk: Desk, order: Parameters<Desk['sendToGateway']>[1]): void {
  for (const gateway of gatewaysOf(desk))
    if (gateway.isOnline)
      desk
        .sendToGateway(gateway.id, order)
        .catch((error: unknown) => desk.log.warn('warning not sent to its gateway; again when it is back', { error }));
}
