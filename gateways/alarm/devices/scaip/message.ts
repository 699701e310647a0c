import { escapeXml, readXml, textOf } from '../../../kit/xml.ts';

/**
 * The messages of SCAIP (SS 91100:2014; CLC/TS 50134-9 keeps them): a device asks with `mrq`, the centre answers with
 * `mrs`, each the body of a SIP MESSAGE of its own.
 */
export const SCAIP_TYPE = 'application/scaip+xml';

export const SCAIP_LIMITS = {
  /** Longest body. */
  characters: 4096,
  /** Longest field. */
  field: 255,
} as const;

/** What `snu` says. */
export const STATUS = {
  ok: 0,
  tooLong: 1,
  invalidFormat: 2,
  wrongContent: 3,
  notTreated: 5,
  busy: 6,
  tagMissing: 7,
} as const;

export interface ScaipRequest {
  /** Of this message; the answer carries it, and a repeat is the same. */
  reference: string;
  /** The unit that speaks; also its SIP user. */
  controller: string;
  /** What raised it: four digits. */
  deviceType: string;
  /** `ME` a message (alarm), `RE` reset, `IN` information, `PI` heartbeat. */
  messageType: 'ME' | 'RE' | 'IN' | 'PI';
  /** What happened: four digits. A heartbeat may have none. */
  status?: string;
  deviceId?: string;
  component?: string;
  location?: string;
  /** How the unit can be spoken to: `sip:…`, `gsm:…`, `tel:…`, `no-voice:`. */
  caller?: string;
  /** Words of the unit, one after another. */
  text: string;
}

export type ScaipReading =
  { kind: 'request'; request: ScaipRequest } | { kind: 'refused'; status: number; why: string; reference?: string };

/** Reads an `mrq`. */
export function readRequest(body: string): ScaipReading {
  if (body.length > SCAIP_LIMITS.characters)
    return { kind: 'refused', status: STATUS.tooLong, why: `longer than ${SCAIP_LIMITS.characters} characters` };
  const xml = readXml(body, SCAIP_LIMITS);
  if (xml.kind === 'refused') return { kind: 'refused', status: STATUS.invalidFormat, why: xml.why };
  const { root } = xml;
  const field = (name: string) => textOf(root, name);
  const reference = field('ref');
  const refuse = (status: number, why: string): ScaipReading => ({
    kind: 'refused',
    status,
    why,
    ...(reference !== undefined && { reference: reference.slice(0, SCAIP_LIMITS.field) }),
  });
  if (root.name !== 'mrq') return refuse(STATUS.invalidFormat, `the root is ${root.name.slice(0, 20)}, not mrq`);
  const long = root.children.find(({ text }) => text.length > SCAIP_LIMITS.field);
  if (long) return refuse(STATUS.tooLong, `${long.name} is longer than ${SCAIP_LIMITS.field} characters`);
  const messageType = field('mty') ?? 'ME';
  const [controller, deviceType, status] = [field('cid'), field('dty'), field('stc')];
  const missing = [
    reference === undefined && 'ref',
    controller === undefined && 'cid',
    deviceType === undefined && 'dty',
    status === undefined && messageType !== 'PI' && 'stc',
  ].filter(Boolean);
  if (missing.length > 0) return refuse(STATUS.tagMissing, `missing: ${missing.join(', ')}`);
  if (messageType !== 'ME' && messageType !== 'RE' && messageType !== 'IN' && messageType !== 'PI')
    return refuse(STATUS.wrongContent, `mty ${messageType.slice(0, 10)} is not known`);
  for (const [name, value] of [
    ['dty', deviceType],
    ['stc', status],
  ] as const)
    if (value !== undefined && !/^\d{1,4}$/.test(value))
      return refuse(STATUS.wrongContent, `${name} is not a number of four digits`);
  if (!/^[\x21-\x7e]{1,64}$/.test(controller!))
    return refuse(STATUS.wrongContent, 'cid has letters that no SIP user has');
  const [deviceId, component, location, caller] = [field('did'), field('dco'), field('lco'), field('crd')];
  return {
    kind: 'request',
    request: {
      reference: reference!,
      controller: controller!,
      deviceType: deviceType!.padStart(4, '0'),
      messageType,
      ...(status !== undefined && { status: status.padStart(4, '0') }),
      ...(deviceId !== undefined && { deviceId }),
      ...(component !== undefined && { component }),
      ...(location !== undefined && { location }),
      ...(caller !== undefined && { caller }),
      text: ['dte', 'stt', 'lte', 'lva', 'ite', 'ame'].flatMap((name) => field(name) ?? []).join(' · '),
    },
  };
}

/** Writes an `mrs`. `call`: the number that the unit is to call; absent: it does not call, the centre does. */
export function writeResponse(answer: { reference: string; status: number; text?: string; call?: string }): string {
  const { reference, status, text, call } = answer;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<mrs>',
    `<ref>${escapeXml(reference)}</ref>`,
    `<snu>${status}</snu>`,
    text === undefined ? '' : `<ste>${escapeXml(text.slice(0, SCAIP_LIMITS.field))}</ste>`,
    // Media reply 1: duplex voice; call handling reply 62: call the number transferred here.
    call === undefined ? '<mre>0</mre>' : `<mre>1</mre><cre>62</cre><tnu>${escapeXml(call)}</tnu>`,
    '</mrs>',
  ].join('');
}

/** Writes an `mrq`, field by field, as units do. */
export function writeRequest(fields: Record<string, string>): string {
  const written = Object.entries(fields).map(([name, value]) => `<${name}>${escapeXml(value)}</${name}>`);
  return `<mrq>${written.join('')}</mrq>`;
}

export interface ScaipResponse {
  reference: string;
  status: number;
  text?: string;
  call?: string;
}

/** Reads an `mrs`; undefined when it is none. */
export function readResponse(body: string): ScaipResponse | undefined {
  const xml = readXml(body, SCAIP_LIMITS);
  if (xml.kind === 'refused' || xml.root.name !== 'mrs') return undefined;
  const field = (name: string) => textOf(xml.root, name);
  const [reference, status, text, call] = [field('ref'), field('snu'), field('ste'), field('tnu')];
  if (reference === undefined || status === undefined || !/^\d{1,3}$/.test(status)) return undefined;
  return {
    reference,
    status: Number(status),
    ...(text !== undefined && { text }),
    ...(call !== undefined && field('mre') !== '0' && { call }),
  };
}
