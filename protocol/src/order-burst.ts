/**
 * An order in the two forms that pass where nothing else does: one short message of 70 characters (UCS-2, 3GPP TS 23.038)
 * and one satellite burst of 270 bytes (the longest mobile-terminated message of an Iridium 9602). Pure: no clock, no
 * network. Nothing is ever cut to fit: what does not fit is told, and is not sent.
 */

export const ORDER_LIMITS = {
  /** UTF-16 units of one short message. */
  smsCharacters: 70,
  /** Octets of one mobile-terminated burst. */
  burstBytes: 270,
  /** Order numbers; 20 bits, so that the code has four letters. */
  ids: 2 ** 20,
} as const;

/** What is ordered. The place in this list is the wire's: only append. */
export const ORDER_ACTIONS = [
  { id: 'report', zh: '报告' },
  { id: 'stand-by', zh: '待命' },
  { id: 'evacuate', zh: '转移' },
  { id: 'rescue', zh: '救援' },
  { id: 'patrol', zh: '巡查' },
  { id: 'open-gate', zh: '开闸' },
  { id: 'close-gate', zh: '关闸' },
  { id: 'reinforce', zh: '加固' },
  { id: 'withdraw', zh: '撤离' },
  { id: 'end', zh: '解除' },
] as const;
export type OrderAction = (typeof ORDER_ACTIONS)[number]['id'];

export interface Order {
  /** 0 … 2^20 - 1; unique among the orders that are open. */
  id: number;
  /** 1 red … 4 blue. */
  level: 1 | 2 | 3 | 4;
  action: OrderAction;
  /** Where: a village, a dam section. */
  where: string;
  words: string;
  /** Milliseconds since 1970; kept to the minute in a burst. */
  at: number;
}

/** How an order is answered. */
export type OrderAnswer = 'received' | 'refused' | 'done';
const ANSWERS: readonly OrderAnswer[] = ['received', 'refused', 'done'];

export type Fitted<Form> = { kind: 'fits'; form: Form } | { kind: 'too-long'; overBy: number };

// --- the code that people type ---

/** Without I, L, O, U: nobody mistakes one for another on a small screen (Crockford's base 32). */
const LETTERS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** The four letters of an order. */
export function orderCode(id: number): string {
  return [15, 10, 5, 0].map((shift) => LETTERS[(id >> shift) & 31]).join('');
}

/** Reads a code, however it was typed; undefined when it is none. */
export function readOrderCode(text: string): number | undefined {
  const letters = [...text.toUpperCase().replaceAll('O', '0').replaceAll(/[IL]/g, '1')];
  const values = letters.map((letter) => LETTERS.indexOf(letter));
  if (values.length !== 4 || values.includes(-1)) return undefined;
  return values.reduce((id, value) => id * 32 + value, 0);
}

// --- one short message ---

const LEVELS = ['', '一级', '二级', '三级', '四级'] as const;

/** `【7K3Q】一级转移·石桥村:…。收到回7K3Q` */
export function orderText(order: Order): Fitted<string> {
  const code = orderCode(order.id);
  const action = ORDER_ACTIONS.find(({ id }) => id === order.action)!.zh;
  const text = `【${code}】${LEVELS[order.level]}${action}·${order.where}:${order.words}。收到回${code}`;
  const overBy = text.length - ORDER_LIMITS.smsCharacters;
  return overBy > 0 ? { kind: 'too-long', overBy } : { kind: 'fits', form: text };
}

/**
 * Reads an answer by short message: the code, alone or with a word behind it. `7K3Q`, `收到7k3q`, `7K3Q 无法`, `7K3Q 完成`.
 * Undefined when no code is in it.
 */
export function readOrderReply(text: string): { id: number; answer: OrderAnswer } | undefined {
  for (const [word] of text.slice(0, 200).matchAll(/[0-9A-Za-z]+/g)) {
    const id = word.length === 4 ? readOrderCode(word) : undefined;
    if (id === undefined) continue;
    const answer = /无法|不能|拒|\bno\b/i.test(text)
      ? 'refused'
      : /完成|已办|\bdone\b/i.test(text)
        ? 'done'
        : 'received';
    return { id, answer };
  }
  return undefined;
}

// --- one burst ---

/** High nibble: our mark; low nibble: what it is. */
const ORDER_MARK = 0xd1;
const ANSWER_MARK = 0xd2;
const MINUTE_MS = 60_000;

/**
 * Octets: mark, order id (3), level and action (2 + 6 bits), minutes since 1970 (4), length and UTF-8 of the place, UTF-8
 * of the words, CRC-16 (2). All big-endian.
 */
export function orderBurst(order: Order): Fitted<Uint8Array> {
  const where = new TextEncoder().encode(order.where);
  const words = new TextEncoder().encode(order.words);
  const length = 10 + where.length + words.length + 2;
  const overBy = Math.max(length - ORDER_LIMITS.burstBytes, where.length - 255);
  if (overBy > 0) return { kind: 'too-long', overBy };
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  head(view, ORDER_MARK, order.id);
  bytes[4] = ((order.level - 1) << 6) | ORDER_ACTIONS.findIndex(({ id }) => id === order.action);
  view.setUint32(5, Math.floor(order.at / MINUTE_MS));
  bytes[9] = where.length;
  bytes.set(where, 10);
  bytes.set(words, 10 + where.length);
  seal(view);
  return { kind: 'fits', form: bytes };
}

/** Octets: mark, order id (3), answer, minutes since 1970 (4), CRC-16 (2). */
export function answerBurst(id: number, answer: OrderAnswer, at: number): Uint8Array {
  const bytes = new Uint8Array(11);
  const view = new DataView(bytes.buffer);
  head(view, ANSWER_MARK, id);
  bytes[4] = ANSWERS.indexOf(answer);
  view.setUint32(5, Math.floor(at / MINUTE_MS));
  seal(view);
  return bytes;
}

export type Burst = { kind: 'order'; order: Order } | { kind: 'answer'; id: number; answer: OrderAnswer; at: number };

/** Reads a burst; undefined when it is none of ours, was hurt on the way, or says what we do not know. */
export function readBurst(bytes: Uint8Array): Burst | undefined {
  if (bytes.length < 11 || bytes.length > ORDER_LIMITS.burstBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (crc16(bytes.subarray(0, -2)) !== view.getUint16(bytes.length - 2)) return undefined;
  const id = (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!;
  const at = view.getUint32(5) * MINUTE_MS;
  if (id >= ORDER_LIMITS.ids) return undefined;
  if (bytes[0] === ANSWER_MARK) {
    const answer = ANSWERS[bytes[4]!];
    return answer && bytes.length === 11 ? { kind: 'answer', id, answer, at } : undefined;
  }
  if (bytes[0] !== ORDER_MARK || bytes.length < 12) return undefined;
  const action = ORDER_ACTIONS[bytes[4]! & 0x3f]?.id;
  const end = 10 + bytes[9]!;
  if (!action || end > bytes.length - 2) return undefined;
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  try {
    const where = text.decode(bytes.subarray(10, end));
    const words = text.decode(bytes.subarray(end, -2));
    return { kind: 'order', order: { id, level: ((bytes[4]! >> 6) + 1) as Order['level'], action, where, words, at } };
  } catch {
    return undefined;
  }
}

function head(view: DataView, mark: number, id: number): void {
  view.setUint32(0, ((mark << 24) | (id & 0xffffff)) >>> 0);
}

function seal(view: DataView): void {
  const body = new Uint8Array(view.buffer, 0, view.byteLength - 2);
  view.setUint16(view.byteLength - 2, crc16(body));
}

/** CRC-16/CCITT-FALSE: polynomial 0x1021, start 0xFFFF. */
export function crc16(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  }
  return crc;
}
