import { escapeXml } from '../kit/xml.ts';
import { writeDateTime, type CapAlert, type CapArea, type CapInfo } from './alert.ts';
import { CAP_NAMESPACE } from './schema.ts';

/** Writes an alert, its elements in the order of the schema. `utcOffsetHours`: on whose clock its times are told. */
export function writeAlert(alert: CapAlert, utcOffsetHours = 0): string {
  const time = (at: number | undefined) => (at === undefined ? undefined : writeDateTime(at, utcOffsetHours));
  const references = alert.references
    .map(({ sender, identifier, sent }) => `${sender},${identifier},${time(sent)}`)
    .join(' ');
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<alert xmlns="${CAP_NAMESPACE}">`,
    ...lines(1, [
      ['identifier', alert.identifier],
      ['sender', alert.sender],
      ['sent', time(alert.sent)],
      ['status', alert.status],
      ['msgType', alert.msgType],
      ['source', alert.source],
      ['scope', alert.scope],
      ['restriction', alert.restriction],
      ['addresses', alert.addresses],
      ['note', alert.note],
      ['references', references === '' ? undefined : references],
      ['incidents', alert.incidents],
    ]),
    ...alert.infos.flatMap((info) => ['  <info>', ...infoLines(info, time), '  </info>']),
    '</alert>',
    '',
  ].join('\n');
}

function infoLines(info: CapInfo, time: (at: number | undefined) => string | undefined): string[] {
  return [
    ...lines(2, [
      ['language', info.language],
      ...info.categories.map((category): Line => ['category', category]),
      ['event', info.event],
      ...(info.responseTypes ?? []).map((type): Line => ['responseType', type]),
      ['urgency', info.urgency],
      ['severity', info.severity],
      ['certainty', info.certainty],
      ['onset', time(info.onset)],
      ['expires', time(info.expires)],
      ['senderName', info.senderName],
      ['headline', info.headline],
      ['description', info.description],
      ['instruction', info.instruction],
    ]),
    ...info.areas.flatMap((area) => ['    <area>', ...areaLines(area), '    </area>']),
  ];
}

function areaLines({ description, polygons, circles }: CapArea): string[] {
  return lines(3, [
    ['areaDesc', description],
    ...polygons.map((polygon): Line => [
      'polygon',
      polygon.map(({ latitude, longitude }) => `${latitude},${longitude}`).join(' '),
    ]),
    ...circles.map(({ centre, radiusKm }): Line => ['circle', `${centre.latitude},${centre.longitude} ${radiusKm}`]),
  ]);
}

type Line = [name: string, value: string | undefined];

function lines(depth: number, all: Line[]): string[] {
  const indent = '  '.repeat(depth);
  return all.flatMap(([name, value]) => (value === undefined ? [] : `${indent}<${name}>${escapeXml(value)}</${name}>`));
}
