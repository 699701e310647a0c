/**
 * The console's words. One file an area of the screen, both languages side by side, so that a sentence is never written
 * in one only: the type of `en` is made from `zh`, and `messages.test.ts` checks what types cannot.
 */
export type Language = 'zh' | 'en';

/** Each language in its own words: what the switch says. */
export const LANGUAGE_NAMES = { zh: '中文', en: 'English' } as const;

/** The same keys; a sentence with parts takes the same parts. */
export type SameShape<T> = {
  [Key in keyof T]: T[Key] extends (...parts: infer Parts) => string
    ? (...parts: Parts) => string
    : T[Key] extends string
      ? string
      : SameShape<T[Key]>;
};

/** Declares one area's words. */
export function messages<T>(both: { zh: T; en: SameShape<T> }): { zh: T; en: SameShape<T> } {
  return both;
}
