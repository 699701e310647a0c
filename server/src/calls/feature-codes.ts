import type { CallFeatures, DialledCode } from '@tocsin/protocol/features.ts';

/** What a phone has asked for by dialling a code: `rest` is what was dialled behind it. */
export interface WantedFeature {
  feature: DialledCode;
  rest: string;
}

/** Codes that mean nothing without what follows, or that take nothing. */
const NEEDS_REST: Record<DialledCode, boolean | 'optional'> = {
  park: 'optional',
  retrieve: 'optional',
  pickUp: 'optional',
  campOn: true,
  book: true,
  listen: true,
  whisper: true,
  barge: true,
  preEmpt: true,
  forwardAlways: 'optional',
  forwardBusy: 'optional',
  forwardNoAnswer: 'optional',
  forwardUnreachable: 'optional',
  doNotDisturb: false,
  callWaiting: true,
  followMe: false,
  speedDial: true,
  keepNumber: true,
};

/** Finds the feature that a dialled number means; the longest code that fits has it. A slot's own number means: retrieve. */
export function featureOf(number: string, features: CallFeatures): WantedFeature | undefined {
  if (isSlot(number, features)) return { feature: 'retrieve', rest: number };
  const fitting = (Object.entries(features.dialled) as [DialledCode, string][])
    .filter(([feature, code]) => {
      if (!number.startsWith(code)) return false;
      const hasRest = number.length > code.length;
      return NEEDS_REST[feature] === 'optional' || NEEDS_REST[feature] === hasRest;
    })
    .sort(([, a], [, b]) => b.length - a.length)[0];
  return fitting && { feature: fitting[0], rest: number.slice(fitting[1].length) };
}

/** Whether a number is that of a park slot. */
export function isSlot(number: string, { parking }: CallFeatures): boolean {
  if (!/^\d{2,5}$/.test(number)) return false;
  const place = Number(number) - parking.first;
  return place >= 0 && place < parking.slots;
}

/** The slots' numbers, in order. */
export function slotsOf({ parking }: CallFeatures): string[] {
  return Array.from({ length: parking.slots }, (_, place) => String(parking.first + place));
}
