/** The SSRC that is heard counts as gone when nothing of it came for so long: a far end that begins anew is heard soon. */
const SSRC_GONE_AFTER_MS = 200;

/**
 * Which SSRC of its source a leg listens to. Whoever can write our far end's address on his packets knows neither its SSRC nor its
 * sequence numbers: another SSRC is refused as long as the one that is heard goes on (RFC 3550 §8.2 has one for each
 * source), and taken when that one has stopped.
 */
export class SsrcGuard {
  #ssrc: number | undefined;
  #lastHeardMs = -Infinity;

  /** False: refused. */
  admit(ssrc: number, nowMs: number): boolean {
    if (this.#ssrc !== undefined && ssrc !== this.#ssrc && nowMs - this.#lastHeardMs < SSRC_GONE_AFTER_MS) return false;
    this.#ssrc = ssrc;
    this.#lastHeardMs = nowMs;
    return true;
  }

  /** The far end may begin anew: its description, or its address, is another. */
  forget(): void {
    this.#ssrc = undefined;
  }
}
