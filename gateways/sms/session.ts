import type { Receipt } from './receipt.ts';

/** One short message on its way to a centre: a whole text, or a part of a long one. */
export interface OutgoingPart {
  /** The number or name that it comes from. */
  from: string;
  /** Digits, with `+` in front where the number is international. */
  to: string;
  /** With the user data header in front when `hasHeader`. */
  octets: Buffer;
  /** 0 = the centre's plain alphabet, 8 = UCS-2. */
  dataCoding: number;
  hasHeader: boolean;
  /** All octets of a long text at once, where the protocol can carry them. */
  isWhole: boolean;
  /** 1 … total. */
  index: number;
  total: number;
  /** Our own reference of the text, 16 bits, which some centres give back in the receipt. */
  userReference: number;
}

/** One short message from a phone: whole, or a part of a long one. */
export interface IncomingPart {
  from: string;
  to: string;
  octets: Buffer;
  dataCoding: number;
  hasHeader: boolean;
}

/** What a centre brings to us. */
export type Delivery =
  | { kind: 'text'; part: IncomingPart }
  | { kind: 'receipt'; receipt: Receipt; recipient: string; userReference?: number };

/** How the centre took a short message. */
export type SubmitOutcome =
  | { kind: 'accepted'; messageId: string }
  | { kind: 'throttled'; word: string }
  | { kind: 'refused'; word: string; isFinal: boolean }
  /** Never left this machine. */
  | { kind: 'not-sent' }
  /** Left this machine and was not answered: it may or may not have been taken. */
  | { kind: 'unknown'; because: string };

/** What a centre answers when it is asked for a message whose receipt has not come. */
export type QueryOutcome = { kind: 'known'; receipt: Receipt } | { kind: 'not-known'; because: string };

/** One bound connection to a short-message centre, whatever it speaks. */
export interface SmsSession extends AsyncDisposable {
  /** Resolves with the reason when the connection has ended. */
  readonly ended: Promise<string>;
  submit(part: OutgoingPart): Promise<SubmitOutcome>;
  /** Whether the centre answers now; ends the connection when it does not. */
  enquire(): Promise<boolean>;
  /** What became of a message. */
  query(messageId: string, from: string): Promise<QueryOutcome>;
}
