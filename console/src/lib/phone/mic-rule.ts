/** A call of the browser phone, as far as the microphone is concerned. */
export interface MicCall {
  id: string;
  /** A radio channel or a loudspeaker line: it runs beside the talk and hears the microphone only when asked to. */
  isSideLine: boolean;
  isHeld: boolean;
}

/**
 * Which calls hear the microphone. One at a time means one audience: while the dispatcher speaks on a side line (push to
 * talk, paging), the people in his conference do not hear it from him; muting the microphone is for the talk, not for a
 * key that he holds down to speak.
 */
export function whoHears(
  calls: readonly MicCall[],
  options: { speaksOn?: string | undefined; isMuted: boolean },
): Set<string> {
  if (options.speaksOn !== undefined && calls.some(({ id }) => id === options.speaksOn))
    return new Set([options.speaksOn]);
  if (options.isMuted) return new Set();
  return new Set(calls.filter((call) => !call.isSideLine && !call.isHeld).map(({ id }) => id));
}
