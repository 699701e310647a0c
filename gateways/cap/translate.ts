import { createHash } from 'node:crypto';
import type { Level } from '@tocsin/protocol/common.ts';
import type { GatewayCommand, GatewayEvent } from '@tocsin/protocol/gateway.ts';
import { middleOf, type CapAlert, type CapInfo } from './alert.ts';

type Warning = Omit<Extract<GatewayEvent, { kind: 'warning' }>, 'event' | 'at'>;
export type PublishWarning = Extract<GatewayCommand, { kind: 'publish-warning' }>;

/** How grave an alert is, in the four national levels. */
const LEVELS: Record<CapInfo['severity'], Level> = { Extreme: 1, Severe: 2, Moderate: 3, Minor: 4, Unknown: 3 };
const SEVERITIES: Record<Level, CapInfo['severity']> = { 1: 'Extreme', 2: 'Severe', 3: 'Moderate', 4: 'Minor' };

/**
 * What an alert is to the control room; undefined for one that is not for people: tests, drafts, acknowledgements.
 * An update or a cancel names the first message of its chain, as far as it says which that was.
 */
export function warningOf(alert: CapAlert): Warning | undefined {
  if (alert.status !== 'Actual' && alert.status !== 'Exercise') return undefined;
  if (alert.msgType === 'Ack' || alert.msgType === 'Error') return undefined;
  const first = alert.references.toSorted((a, b) => a.sent - b.sent)[0];
  const chinese = alert.infos.find(({ language }) => /^zh/i.test(language));
  const english = alert.infos.find(({ language }) => /^en/i.test(language));
  const info = chinese ?? english ?? alert.infos[0];
  const location = middleOf(alert.infos.flatMap(({ areas }) => areas));
  const titleOf = (each: CapInfo | undefined) => each && (each.headline ?? each.event);
  const headline = titleOf(info) ?? alert.note ?? alert.identifier;
  const gravest = alert.infos.map(({ severity }) => LEVELS[severity]).toSorted()[0];
  const expiresAt = info?.expires;
  return {
    kind: 'warning',
    warning: nameOf(first ?? alert),
    message: nameOf(alert),
    messageType: alert.msgType === 'Alert' ? 'alert' : alert.msgType === 'Update' ? 'update' : 'cancel',
    isDrill: alert.status === 'Exercise',
    level: gravest ?? 3,
    headline: {
      zh: headline.slice(0, 80),
      ...(english && { en: (titleOf(english) ?? headline).slice(0, 120) }),
    },
    text: [info?.senderName ?? alert.sender, info?.areas[0]?.description, info?.description]
      .filter(Boolean)
      .join(' · ')
      .slice(0, 500),
    ...(location && { location }),
    ...(expiresAt !== undefined && { expiresAt }),
  };
}

/** A name that is safe in topics and files for a message, which may have any letters. */
function nameOf({ sender, identifier }: { sender: string; identifier: string }): string {
  return `cap-${createHash('sha256').update(`${sender},${identifier}`).digest('hex').slice(0, 32)}`;
}

/** The alert that an order to publish asks for. */
export function alertOf(order: PublishWarning, own: { sender: string; senderName: string }): CapAlert {
  const { level, text, area } = order;
  const words = (
    language: 'zh-CN' | 'en-US',
    pick: (name: { zh: string; en?: string | undefined }) => string,
  ): CapInfo => ({
    language,
    categories: [order.category],
    event: pick(order.event),
    ...(order.messageType === 'cancel' && { responseTypes: ['AllClear'] }),
    urgency: order.messageType === 'cancel' ? 'Past' : order.urgency,
    severity: SEVERITIES[level],
    certainty: order.certainty,
    ...(order.expiresAt !== undefined && { expires: order.expiresAt }),
    senderName: own.senderName,
    headline: pick(order.headline),
    ...(text && { description: pick(text) }),
    ...(order.instruction && { instruction: pick(order.instruction) }),
    areas: [
      {
        description: area.name,
        polygons: area.outline && area.outline.length >= 3 ? [closed(area.outline)] : [],
        circles: area.centre && area.radiusKm !== undefined ? [{ centre: area.centre, radiusKm: area.radiusKm }] : [],
      },
    ],
  });
  return {
    identifier: order.identifier,
    sender: own.sender,
    sent: order.sentAt,
    status: order.isDrill ? 'Exercise' : 'Actual',
    msgType: order.messageType === 'alert' ? 'Alert' : order.messageType === 'update' ? 'Update' : 'Cancel',
    scope: 'Public',
    references: order.references.map(({ identifier, sentAt }) => ({ sender: own.sender, identifier, sent: sentAt })),
    incidents: order.incident,
    ...(order.isDrill && { note: '演练 DRILL' }),
    infos: [words('zh-CN', ({ zh }) => zh), ...(order.headline.en ? [words('en-US', ({ zh, en }) => en ?? zh)] : [])],
  };
}

function closed(outline: { latitude: number; longitude: number }[]) {
  const places = outline.map(({ latitude, longitude }) => ({ latitude, longitude }));
  const [first, last] = [places[0]!, places.at(-1)!];
  return first.latitude === last.latitude && first.longitude === last.longitude && places.length > 3
    ? places
    : [...places, first];
}
