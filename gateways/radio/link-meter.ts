/** Packets that are judged together: 2 s of speech. */
const WINDOW_PACKETS = 100;
/** A jump of more than this is no loss but another beginning. */
const GAP_AT_MOST = 500;

/** How much of what a radio sends arrives, from the numbers of its packets and what is lost on the way to us. */
export class LinkMeter {
  #expected = 0;
  #arrived = 0;
  #percent: number | undefined;

  /**
   * A packet has come, and so many before it never did.
   * @param isThrough false when it is lost after all, by a fault that is played
   * @returns what came of the last window, when it is new
   */
  note(lost: number, isThrough: boolean): number | undefined {
    this.#expected += 1 + lost;
    if (isThrough) this.#arrived += 1;
    if (this.#expected < WINDOW_PACKETS) return undefined;
    const percent = Math.round((100 * this.#arrived) / this.#expected);
    this.#expected = this.#arrived = 0;
    if (percent === this.#percent) return undefined;
    return (this.#percent = percent);
  }
}

/** Packets lost between two numbers of `bits` bits; 0 for one that is late, doubled, or of a new beginning. */
export function lostBetween(last: number | undefined, next: number, bits: 16 | 32): number {
  if (last === undefined) return 0;
  const step = bits === 16 ? (next - last) & 0xffff : (next - last) >>> 0;
  return step > 1 && step <= GAP_AT_MOST ? step - 1 : 0;
}
