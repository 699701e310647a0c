/** Headers of an INVITE, by name in any case. */
export type HeaderOf = (name: string) => string | undefined;

/**
 * True when the phone shall answer by itself: the dispatcher has just asked for this call (X-Tocsin-Answer), or the caller
 * asks for it in one of the ways desk phones know (Call-Info answer-after, Alert-Info auto answer; RFC 5373 Answer-Mode).
 */
export function answersItself(header: HeaderOf): boolean {
  if (header('X-Tocsin-Answer')?.trim().toLowerCase() === 'auto') return true;
  if (/answer-after\s*=\s*0/i.test(header('Call-Info') ?? '')) return true;
  if (/^\s*auto\b/i.test(header('Answer-Mode') ?? '')) return true;
  return /alert-autoanswer|info\s*=\s*ring-answer|auto\s?answer/i.test(header('Alert-Info') ?? '');
}
