import type { GatewayCommandResult, GatewayEvent, GatewayOnline } from '@tocsin/protocol/gateway.ts';
import type { Desk } from './desk.ts';
import { repeatWarnings } from './publish-warning.ts';

/** Ids of events heard lately; a gateway that was cut off sends again what it is not sure of. */
const REMEMBERED_EVENTS = 20_000;
const heard = new WeakMap<Desk, Set<string>>();

/** What gateways tell: that they are there, and what happens at their edge. */
export const hearGateway = {
  online(gateway: string, body: GatewayOnline, desk: Desk): void {
    const before = desk.resources.gateway(gateway);
    desk.resources.announce(gateway, body, desk.clock.now());
    for (const channel of desk.conferences.channels()) if (channel.facts.gateway === gateway) channel.gatewayChanged();
    if (body.kind === 'sms')
      desk.texts.setOnline(desk.resources.gateways().some((each) => each.kind === 'sms' && each.isOnline));
    if (before?.isOnline === body.online) return;
    if (body.kind === 'cap' && body.online)
      repeatWarnings(desk).catch((error: unknown) => desk.log.error('warnings not told again', { gateway, error }));
    note(desk, body.online ? 'gateway.came-online' : 'gateway.went-offline', { gateway, kind: body.kind }, body.at);
  },

  async event(gateway: string, event: GatewayEvent, desk: Desk): Promise<void> {
    switch (event.kind) {
      case 'text-sent':
      case 'text-delivered':
      case 'text-receipt-lost':
      case 'text-failed':
      case 'text-received':
        // Texts know their own doubles, also across a restart.
        return await desk.texts.takeEvent(event);
      case 'squelch':
        if (isNew(event.event, desk))
          desk.conferences.channel(event.channel).heard(event.isOpen, event.talker, event.at);
        return;
      case 'keyed':
        if (isNew(event.event, desk))
          note(
            desk,
            event.isKeyed ? 'channel.went-on-air' : 'channel.went-off-air',
            { channel: event.channel, gateway },
            event.at,
          );
        return;
      case 'playout':
        if (isNew(event.event, desk))
          desk.announcements.playout(event.zone, event.hornsPlaying, event.hornsTotal, event.silent);
        return;
      case 'burst-received': {
        const { from, payload, location } = event;
        const data = { gateway, from, ...(payload ? { payload } : {}), ...(location ? { location } : {}) };
        if (isNew(event.event, desk)) note(desk, 'satellite.burst-received', data, event.at);
        // Orders know their own doubles, also across a restart.
        if (payload) await desk.orders.burstReceived(event.event, from, Buffer.from(payload, 'base64'));
        return;
      }
      case 'warning':
        return await takeWarning(gateway, event, desk);
      case 'resource':
        desk.resources.update(gateway, event.resource);
        if (isNew(event.event, desk))
          note(
            desk,
            'gateway.resource-changed',
            { gateway, resource: event.resource.id, state: event.resource.state, detail: event.resource.detail ?? '' },
            event.at,
          );
        return;
    }
  },

  async commandResult(gateway: string, result: GatewayCommandResult, desk: Desk): Promise<void> {
    const { command, outcome, because } = result;
    if (desk.asks.take(result)) return;
    desk.orders.commandResult(result);
    if (desk.resources.gateway(gateway)?.kind === 'cap')
      await desk.warnings.answered(
        command,
        outcome === 'done' ? { done: true } : { done: false, because: because ?? '' },
      );
    if (outcome === 'refused') {
      desk.log.warn('gateway refused a command', { gateway, command, because });
      note(desk, 'gateway.command-refused', { gateway, command, because: because ?? '' });
    }
  },
};

/** Another office warns: an alarm that its updates join and its cancel ends. It knows its own doubles, also across a restart. */
async function takeWarning(
  gateway: string,
  event: Extract<GatewayEvent, { kind: 'warning' }>,
  desk: Desk,
): Promise<void> {
  const { warning, message, messageType, isDrill, level, headline, text, location, expiresAt } = event;
  const sameness = `warning/${warning}`;
  note(desk, 'warning.received', { gateway, warning, message, messageType, isDrill, headline: headline.zh }, event.at);
  if (messageType === 'cancel') {
    desk.alarms.recover(sameness);
    return await desk.alarms.durable();
  }
  if (expiresAt !== undefined && expiresAt <= desk.clock.now()) return;
  const mark = (words: string, sign: string) => (isDrill && !words.includes(sign) ? `【${sign}】${words}` : words);
  await desk.alarms.raise({
    id: `warning/${message}`,
    kind: 'warning',
    sameness,
    level,
    title: { zh: mark(headline.zh, '演练'), ...(headline.en !== undefined && { en: mark(headline.en, 'DRILL') }) },
    facts: { zh: text || headline.zh },
    ...(location && { location }),
    ...(isDrill && { isDrill }),
    ...(expiresAt !== undefined && { expiresAt }),
  });
}

function isNew(event: string, desk: Desk): boolean {
  const seen = heard.get(desk) ?? new Set();
  heard.set(desk, seen);
  if (seen.has(event)) return false;
  seen.add(event);
  if (seen.size > REMEMBERED_EVENTS) seen.delete(seen.values().next().value!);
  return true;
}

function note(desk: Desk, kind: string, data: Record<string, unknown>, at?: number): void {
  desk.timeline
    .append({ kind, data, ...(at === undefined ? {} : { at }) })
    .catch((error: unknown) => desk.log.error('timeline entry lost', { kind, error }));
}
