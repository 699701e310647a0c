import { readXml, textOf, type XmlElement } from '../kit/xml.ts';
import { readDateTime, readReferences, type CapAlert, type CapArea, type CapInfo, type Place } from './alert.ts';
import { faultIn } from './schema.ts';

export const CAP_LIMITS = {
  /** Characters of an alert. */
  characters: 512 * 1024,
  /** Corners of an outline that are kept. */
  corners: 200,
  infos: 20,
  references: 50,
} as const;

export type AlertReading = { kind: 'alert'; alert: CapAlert } | { kind: 'refused'; why: string };

/** Reads an alert: XML without entities, valid by the schema, and by the rules that the schema cannot say (CAP-v1.2-os §3.2). */
export function readAlert(text: string): AlertReading {
  const xml = readXml(text, CAP_LIMITS);
  if (xml.kind === 'refused') return xml;
  const { root } = xml;
  const fault = faultIn(root);
  if (fault) return { kind: 'refused', why: fault };
  const field = (name: string) => textOf(root, name);
  const references = readReferences(field('references') ?? '');
  if (!references || references.length > CAP_LIMITS.references) return { kind: 'refused', why: 'references malformed' };
  const [source, restriction, addresses, note, incidents] = (
    ['source', 'restriction', 'addresses', 'note', 'incidents'] as const
  ).map(field);
  const infos = root.children.filter(({ name }) => name === 'info').slice(0, CAP_LIMITS.infos);
  const read = infos.map(infoOf);
  const wrong = read.find((info) => typeof info === 'string');
  if (wrong !== undefined) return { kind: 'refused', why: wrong as string };
  const alert: CapAlert = {
    identifier: field('identifier') ?? '',
    sender: field('sender') ?? '',
    sent: readDateTime(field('sent')!)!,
    status: field('status') as CapAlert['status'],
    msgType: field('msgType') as CapAlert['msgType'],
    scope: field('scope') as CapAlert['scope'],
    ...(source !== undefined && { source }),
    ...(restriction !== undefined && { restriction }),
    ...(addresses !== undefined && { addresses }),
    ...(note !== undefined && { note }),
    references,
    ...(incidents !== undefined && { incidents }),
    infos: read as CapInfo[],
  };
  const broken = brokenRule(alert);
  return broken === undefined ? { kind: 'alert', alert } : { kind: 'refused', why: broken };
}

/** Which rule of the text, beyond the schema, an alert breaks; undefined when none. */
export function brokenRule({
  identifier,
  sender,
  scope,
  restriction,
  addresses,
  msgType,
  references,
}: CapAlert): string | undefined {
  for (const [name, value] of [
    ['identifier', identifier],
    ['sender', sender],
  ] as const)
    if (value === '' || value.length > 200 || /[\s,<&]/.test(value))
      return `${name} is empty, too long, or has a blank, comma, < or &`;
  if (scope === 'Restricted' && restriction === undefined) return 'a restricted alert says its restriction';
  if (scope === 'Private' && addresses === undefined) return 'a private alert says whom it is for';
  if (msgType !== 'Alert' && references.length === 0) return `${msgType} needs references`;
  return undefined;
}

function infoOf(element: XmlElement): CapInfo | string {
  const field = (name: string) => textOf(element, name);
  const all = (name: string) => element.children.filter((child) => child.name === name);
  const areas = all('area').map(areaOf);
  const wrong = areas.find((area) => typeof area === 'string');
  if (wrong !== undefined) return wrong;
  const [onset, expires] = [field('onset'), field('expires')].map((text) =>
    text === undefined ? undefined : readDateTime(text),
  );
  const [senderName, headline, description, instruction] = (
    ['senderName', 'headline', 'description', 'instruction'] as const
  ).map(field);
  const responseTypes = all('responseType').map(({ text }) => text);
  return {
    // Absent, it is American English (§3.2.2).
    language: field('language') ?? 'en-US',
    categories: all('category').map(({ text }) => text),
    event: field('event') ?? '',
    ...(responseTypes.length > 0 && { responseTypes }),
    urgency: field('urgency') as CapInfo['urgency'],
    severity: field('severity') as CapInfo['severity'],
    certainty: field('certainty') as CapInfo['certainty'],
    ...(onset !== undefined && { onset }),
    ...(expires !== undefined && { expires }),
    ...(senderName !== undefined && { senderName }),
    ...(headline !== undefined && { headline }),
    ...(description !== undefined && { description }),
    ...(instruction !== undefined && { instruction }),
    areas: areas as CapArea[],
  };
}

function areaOf(element: XmlElement): CapArea | string {
  const texts = (name: string) =>
    element.children.filter((child) => child.name === name).map(({ text }) => text.trim());
  const polygons = texts('polygon').map(polygonOf);
  if (polygons.includes(undefined)) return 'a polygon has four or more places, and the last is the first';
  const circles = texts('circle').map(circleOf);
  if (circles.includes(undefined)) return 'a circle is a place and a radius in km';
  return {
    description: textOf(element, 'areaDesc') ?? '',
    polygons: polygons as Place[][],
    circles: circles as CapArea['circles'],
  };
}

/** `lat,lon lat,lon …` (§3.2.4). */
function polygonOf(text: string): Place[] | undefined {
  const places = text.split(/\s+/).map(placeOf);
  if (places.length < 4 || places.includes(undefined)) return undefined;
  const [first, last] = [places[0]!, places.at(-1)!];
  if (first.latitude !== last.latitude || first.longitude !== last.longitude) return undefined;
  return thinned(places as Place[]);
}

function circleOf(text: string): CapArea['circles'][number] | undefined {
  const [place, radius, ...more] = text.split(/\s+/);
  const centre = placeOf(place ?? '');
  const radiusKm = /^\d+(?:\.\d+)?$/.test(radius ?? '') ? Number(radius) : undefined;
  return centre && radiusKm !== undefined && more.length === 0 ? { centre, radiusKm } : undefined;
}

function placeOf(text: string): Place | undefined {
  const parts = /^(-?\d{1,2}(?:\.\d+)?),(-?\d{1,3}(?:\.\d+)?)$/.exec(text);
  if (!parts) return undefined;
  const [latitude, longitude] = [Number(parts[1]), Number(parts[2])];
  return Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180 ? { latitude, longitude } : undefined;
}

/** An outline with too many corners keeps every n-th, and its end. */
function thinned(places: Place[]): Place[] {
  if (places.length <= CAP_LIMITS.corners) return places;
  const step = Math.ceil(places.length / (CAP_LIMITS.corners - 1));
  return [...places.filter((_, index) => index % step === 0), places.at(-1)!];
}
