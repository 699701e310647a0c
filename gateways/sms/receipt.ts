/** What became of a short message. */
export type ReceiptState = 'under-way' | 'delivered' | 'failed';

export interface Receipt {
  messageId?: string;
  state: ReceiptState;
  /** The provider's own word for it, such as UNDELIV. */
  word: string;
  error?: string;
}

/** message_state values: SMPP 3.4 §5.2.28. */
const BY_NUMBER: Record<number, string> = {
  1: 'ENROUTE',
  2: 'DELIVRD',
  3: 'EXPIRED',
  4: 'DELETED',
  5: 'UNDELIV',
  6: 'ACCEPTD',
  7: 'UNKNOWN',
  8: 'REJECTD',
};

const STATES: [RegExp, ReceiptState][] = [
  [/^DELIV(?:RD|ERED)/, 'delivered'],
  [/^(?:ENROUTE|ACCEPT|BUFFERED|SCHEDULED)/, 'under-way'],
  [/^(?:EXPIRED|DELETED|UNDELIV|REJECT|UNKNOWN|FAILED|SKIPPED)/, 'failed'],
];

/**
 * Reads a delivery receipt: the two optional parameters where the provider sends them, else the text of SMPP 3.4
 * appendix B, whose fields come in any order, case and number from real providers.
 * @returns undefined when it says nothing about a state
 */
export function readReceipt(given: {
  text: string;
  receiptedMessageId?: string;
  messageState?: number;
}): Receipt | undefined {
  const field = (name: string) =>
    new RegExp(`(?:^|\\s)${name}:\\s*([^\\s]*)`, 'i').exec(given.text.slice(0, 1000))?.[1];
  const word = (given.messageState !== undefined && BY_NUMBER[given.messageState]) || field('stat')?.toUpperCase();
  if (!word) return undefined;
  const state = stateOf(word);
  if (!state) return undefined;
  const messageId = given.receiptedMessageId?.replace(/\0+$/, '') || field('id') || undefined;
  const error = field('err');
  return {
    ...(messageId && { messageId }),
    state,
    word: word.slice(0, 20),
    ...(error && { error: error.slice(0, 20) }),
  };
}

/** What a message_state of query_sm_resp says; undefined for a number that the specification does not have. */
export function wordOfState(messageState: number): Pick<Receipt, 'state' | 'word'> | undefined {
  const word = BY_NUMBER[messageState];
  const state = word && stateOf(word);
  return state ? { state, word } : undefined;
}

/** The state behind a provider's word. */
export function stateOf(word: string): ReceiptState | undefined {
  return STATES.find(([pattern]) => pattern.test(word))?.[1];
}

/**
 * The forms under which one message id may come back: providers answer submit_sm in hexadecimal and send the receipt
 * in decimal, drop leading zeros or change the case. The most exact form is first.
 */
export function formsOfMessageId(id: string): string[] {
  const forms = [id, id.toLowerCase(), id.toLowerCase().replace(/^0+(?=.)/, '')];
  if (/^[0-9a-f]{1,16}$/i.test(id)) forms.push(`#${BigInt(`0x${id}`).toString()}`);
  if (/^[0-9]{1,20}$/.test(id)) forms.push(`#${BigInt(id).toString()}`);
  return [...new Set(forms)];
}
