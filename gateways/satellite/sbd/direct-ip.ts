/**
 * Iridium Short Burst Data by DirectIP, as the "Iridium Short Burst Data Service Developers Guide" has it (chapter 5, "Vendor
 * server applications: DirectIP"): a message is a revision, a length, and information elements of one octet of identifier and
 * two of length. All integers are big-endian. Pure: bytes in, values out.
 */

const REVISION = 1;
/** Octets of a message behind its own head that are read; the longest mobile-originated payload is 1960. */
export const LONGEST_MESSAGE = 4096;
const HEAD = 3;

/** Information element identifiers. */
const IEI = {
  moHeader: 0x01,
  moPayload: 0x02,
  moLocation: 0x03,
  moConfirmation: 0x05,
  mtHeader: 0x41,
  mtPayload: 0x42,
  mtConfirmation: 0x44,
  mtPriority: 0x46,
} as const;

/** What a modem sent, and how its session went. */
export interface MobileOriginated {
  /** Of the call data record at the Iridium gateway: unique, so that a second copy is known. */
  cdrReference: number;
  imei: string;
  /** 0 = transferred; 1 = transferred, the mobile-terminated message was too large; 2 = transferred, the place is of poor quality; 10, 12-15 = failed. */
  sessionStatus: number;
  /** Sequence numbers of the modem and of the gateway. */
  momsn: number;
  mtmsn: number;
  /** Milliseconds since 1970. */
  at: number;
  payload?: Uint8Array;
  location?: { latitude: number; longitude: number; radiusKm: number };
}

/** What is sent to a modem. */
export interface MobileTerminated {
  /** Of our own making; comes back in the confirmation. */
  clientMessageId: number;
  imei: string;
  payload: Uint8Array;
  /** 1 flush the queue, 2 ring only, 8 update location, 16 high priority, 32 assign MTMSN. */
  dispositionFlags?: number;
  /** 1 highest … 5 lowest. */
  priority?: number;
}

export interface MtConfirmation {
  clientMessageId: number;
  imei: string;
  /** Of the message in the gateway's queue. */
  autoReference: number;
  /** 0-50: place in the modem's queue, 0 = no payload was there; below 0: why it was refused. */
  status: number;
}

/** Why the gateway refused a mobile-terminated message, by its status. */
export const MT_REFUSALS: Readonly<Record<number, string>> = {
  [-1]: 'invalid IMEI: too few characters or not numeric',
  [-2]: 'unknown IMEI: not provisioned on the gateway',
  [-3]: 'payload longer than 1890 bytes',
  [-4]: 'payload expected, none received',
  [-5]: 'the queue of the modem is full (50 messages)',
  [-6]: 'the gateway has no resources',
  [-7]: 'violation of the DirectIP protocol',
  [-8]: 'ring alerts of the modem are disabled',
  [-9]: 'the modem is not attached',
  [-10]: 'source address rejected by the filter',
  [-11]: 'MTMSN out of range',
};

/** How many octets the message takes that begins here; undefined: not told yet, or not DirectIP (then `isBroken`). */
export function messageLength(bytes: Uint8Array): { length?: number; isBroken: boolean } {
  if (bytes.length > 0 && bytes[0] !== REVISION) return { isBroken: true };
  if (bytes.length < HEAD) return { isBroken: false };
  const length = (bytes[1]! << 8) | bytes[2]!;
  return length > LONGEST_MESSAGE ? { isBroken: true } : { length: HEAD + length, isBroken: false };
}

/** Reads what a modem sent; the complaint in words when it is no such message. Unknown elements are passed over. */
export function readMobileOriginated(message: Uint8Array): MobileOriginated | string {
  const elements = elementsOf(message);
  if (typeof elements === 'string') return elements;
  const header = elements.get(IEI.moHeader);
  if (!header || header.byteLength !== 28) return 'no MO header of 28 octets';
  const imei = imeiOf(header, 4);
  if (imei === undefined) return 'the IMEI is not 15 digits';
  const payload = elements.get(IEI.moPayload);
  const place = elements.get(IEI.moLocation);
  const location = place && place.byteLength >= 11 ? locationOf(place) : undefined;
  return {
    cdrReference: header.getUint32(0),
    imei,
    sessionStatus: header.getUint8(19),
    momsn: header.getUint16(20),
    mtmsn: header.getUint16(22),
    at: header.getUint32(24) * 1000,
    ...(payload ? { payload: octetsOf(payload) } : {}),
    ...(location ? { location } : {}),
  };
}

export function writeMobileOriginated(message: MobileOriginated): Uint8Array {
  const header = new DataView(new ArrayBuffer(28));
  header.setUint32(0, message.cdrReference);
  putImei(header, 4, message.imei);
  header.setUint8(19, message.sessionStatus);
  header.setUint16(20, message.momsn);
  header.setUint16(22, message.mtmsn);
  header.setUint32(24, Math.floor(message.at / 1000));
  const { payload, location } = message;
  return messageOf([
    [IEI.moHeader, octetsOf(header)],
    ...(location ? [[IEI.moLocation, placeOf(location)] as const] : []),
    ...(payload ? [[IEI.moPayload, payload] as const] : []),
  ]);
}

/** What the vendor's server may answer to a mobile-originated message: taken, or not. */
export function writeMoConfirmation(isTaken: boolean): Uint8Array {
  return messageOf([[IEI.moConfirmation, Uint8Array.of(isTaken ? 1 : 0)]]);
}

export function readMoConfirmation(message: Uint8Array): boolean | undefined {
  const elements = elementsOf(message);
  const element = typeof elements === 'string' ? undefined : elements.get(IEI.moConfirmation);
  return element?.byteLength === 1 ? element.getUint8(0) === 1 : undefined;
}

export function writeMobileTerminated(message: MobileTerminated): Uint8Array {
  const header = new DataView(new ArrayBuffer(21));
  header.setUint32(0, message.clientMessageId);
  putImei(header, 4, message.imei);
  header.setUint16(19, message.dispositionFlags ?? 0);
  const priority = message.priority === undefined ? undefined : Uint8Array.of(0, message.priority);
  return messageOf([
    [IEI.mtHeader, octetsOf(header)],
    [IEI.mtPayload, message.payload],
    ...(priority ? [[IEI.mtPriority, priority] as const] : []),
  ]);
}

export function readMobileTerminated(message: Uint8Array): MobileTerminated | string {
  const elements = elementsOf(message);
  if (typeof elements === 'string') return elements;
  const header = elements.get(IEI.mtHeader);
  const payload = elements.get(IEI.mtPayload);
  if (!header || header.byteLength !== 21) return 'no MT header of 21 octets';
  const imei = imeiOf(header, 4);
  if (imei === undefined) return 'the IMEI is not 15 digits';
  const priority = elements.get(IEI.mtPriority);
  return {
    clientMessageId: header.getUint32(0),
    imei,
    dispositionFlags: header.getUint16(19),
    payload: payload ? octetsOf(payload) : new Uint8Array(0),
    ...(priority?.byteLength === 2 ? { priority: priority.getUint16(0) } : {}),
  };
}

export function writeMtConfirmation(confirmation: MtConfirmation): Uint8Array {
  const element = new DataView(new ArrayBuffer(25));
  element.setUint32(0, confirmation.clientMessageId);
  putImei(element, 4, confirmation.imei);
  element.setUint32(19, confirmation.autoReference);
  element.setInt16(23, confirmation.status);
  return messageOf([[IEI.mtConfirmation, octetsOf(element)]]);
}

export function readMtConfirmation(message: Uint8Array): MtConfirmation | string {
  const elements = elementsOf(message);
  if (typeof elements === 'string') return elements;
  const element = elements.get(IEI.mtConfirmation);
  if (!element || element.byteLength !== 25) return 'no MT confirmation of 25 octets';
  const imei = imeiOf(element, 4);
  if (imei === undefined) return 'the IMEI is not 15 digits';
  return {
    clientMessageId: element.getUint32(0),
    imei,
    autoReference: element.getUint32(19),
    status: element.getInt16(23),
  };
}

function messageOf(elements: (readonly [iei: number, value: Uint8Array])[]): Uint8Array {
  const length = elements.reduce((sum, [, value]) => sum + HEAD + value.length, 0);
  const message = new Uint8Array(HEAD + length);
  message.set([REVISION, length >> 8, length & 0xff]);
  let at = HEAD;
  for (const [iei, value] of elements) {
    message.set([iei, value.length >> 8, value.length & 0xff], at);
    message.set(value, at + HEAD);
    at += HEAD + value.length;
  }
  return message;
}

/** The elements of one whole message; of two with one identifier the first. */
function elementsOf(message: Uint8Array): Map<number, DataView> | string {
  const { length, isBroken } = messageLength(message);
  if (isBroken) return `protocol revision ${message[0]} is not ${REVISION}, or the message is too long`;
  if (length === undefined || message.length !== length) return 'the message is not as long as it says';
  const elements = new Map<number, DataView>();
  for (let at = HEAD; at < length;) {
    if (at + HEAD > length) return 'an element is cut short';
    const size = (message[at + 1]! << 8) | message[at + 2]!;
    const from = at + HEAD;
    if (from + size > length) return 'an element is cut short';
    if (!elements.has(message[at]!))
      elements.set(message[at]!, new DataView(message.buffer, message.byteOffset + from, size));
    at = from + size;
  }
  return elements;
}

/** Degrees, then thousandths of minutes; the first octet says which hemispheres. */
function locationOf(place: DataView): MobileOriginated['location'] {
  const signs = place.getUint8(0);
  const latitude = place.getUint8(1) + place.getUint16(2) / 60_000;
  const longitude = place.getUint8(4) + place.getUint16(5) / 60_000;
  if (latitude > 90 || longitude > 180) return undefined;
  return {
    latitude: signs & 2 ? -latitude : latitude,
    longitude: signs & 1 ? -longitude : longitude,
    radiusKm: place.getUint32(7),
  };
}

function placeOf({ latitude, longitude, radiusKm }: NonNullable<MobileOriginated['location']>): Uint8Array {
  const place = new DataView(new ArrayBuffer(11));
  place.setUint8(0, (latitude < 0 ? 2 : 0) | (longitude < 0 ? 1 : 0));
  for (const [at, degrees] of [
    [1, Math.abs(latitude)],
    [4, Math.abs(longitude)],
  ] as const) {
    const thousandths = Math.round(degrees * 60_000);
    place.setUint8(at, Math.floor(thousandths / 60_000));
    place.setUint16(at + 1, thousandths % 60_000);
  }
  place.setUint32(7, radiusKm);
  return octetsOf(place);
}

function imeiOf(view: DataView, at: number): string | undefined {
  const imei = String.fromCharCode(...new Uint8Array(view.buffer, view.byteOffset + at, 15));
  return /^\d{15}$/.test(imei) ? imei : undefined;
}

function putImei(view: DataView, at: number, imei: string): void {
  for (let i = 0; i < 15; i++) view.setUint8(at + i, imei.charCodeAt(i));
}

function octetsOf(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
