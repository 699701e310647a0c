/** The latched source counts as gone when nothing came from it for so long. */
export const SOURCE_GONE_AFTER_MS = 1000;

export type LatchVerdict = 'accepted' | 'moved' | 'refused';

/**
 * Which source a leg listens to (symmetric RTP, RFC 4961, made safe).
 *
 * The signalled address is accepted at any time. Another is latched on to when `mayMove` and the signalled one has
 * never been heard (it stands behind NAT), or the present one has been silent for a second (it has moved). Everything
 * else is an injection: refused, and counted by the caller.
 */
export class Latch {
  #signalled: number | undefined;
  #source: number | undefined;
  #mayMove = true;
  #lastHeardMs = -Infinity;
  #hasHeardSource = false;

  get source(): number | undefined {
    return this.#source;
  }

  /** The far end's address by signalling; undefined when it is not told. The same again keeps what was latched. */
  signal(key: number | undefined, mayMove: boolean): void {
    this.#mayMove = mayMove;
    if (key === this.#signalled && this.#source !== undefined) return;
    this.#signalled = key;
    this.#source = key;
    this.#hasHeardSource = false;
  }

  judge(fromKey: number, nowMs: number): LatchVerdict {
    if (fromKey === this.#source) {
      this.#hasHeardSource = true;
      this.#lastHeardMs = nowMs;
      return 'accepted';
    }
    const isTrusted = fromKey === this.#signalled || this.#source === undefined;
    const isSourceGone = !this.#hasHeardSource || nowMs - this.#lastHeardMs > SOURCE_GONE_AFTER_MS;
    if (!isTrusted && !(this.#mayMove && isSourceGone)) return 'refused';
    this.#source = fromKey;
    this.#hasHeardSource = true;
    this.#lastHeardMs = nowMs;
    return 'moved';
  }
}
