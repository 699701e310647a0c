/** Loss is measured over so long at a time. */
const LOSS_INTERVAL_MS = 5000;

/** What a receiver counts of one source (RFC 3550 §6.4.1, appendix A). */
export class Reception {
  ssrc: number | undefined;
  received = 0;
  octets = 0;
  /** Of the RTP clock. */
  unitsPerMs = 8;
  /** Of sources before the present one. */
  #lostEarlier = 0;
  #baseSequence = 0;
  #highestSequence = 0;
  #cycles = 0;
  #receivedOfSource = 0;
  #transit = NaN;
  #jitterUnits = 0;
  #expectedPrior = 0;
  #receivedPrior = 0;
  /** Of the last interval that is over. */
  lossPercent = 0;
  #measuredAtMs = -Infinity;
  #expectedMeasured = 0;
  #receivedMeasured = 0;

  /** @returns true when this packet begins a new source */
  note(ssrc: number, sequence: number, octets: number): boolean {
    const isNew = ssrc !== this.ssrc;
    const ahead = (sequence - this.#highestSequence) & 0xffff;
    // Further ahead than MAX_DROPOUT, or behind than MAX_MISORDER (appendix A.1): the far end has started over.
    if (isNew || (ahead > 3000 && ahead < 0x10000 - 100)) this.#begin(ssrc, sequence);
    else if (ahead < 0x8000) {
      if (sequence < this.#highestSequence) this.#cycles += 0x10000;
      this.#highestSequence = sequence;
    }
    this.received += 1;
    this.#receivedOfSource += 1;
    this.octets += octets;
    return isNew;
  }

  /** Jitter is measured on audio only: the packets of a telephone-event share one timestamp. */
  noteTransit(timestamp: number, arrivedAtMs: number): void {
    const transit = arrivedAtMs * this.unitsPerMs - timestamp;
    const difference = Math.abs(transit - this.#transit);
    // A jump is a new time line (or 32 bits went round), no jitter.
    if (difference < 10_000 * this.unitsPerMs) this.#jitterUnits += (difference - this.#jitterUnits) / 16;
    this.#transit = transit;
  }

  get extendedSequence(): number {
    return (this.#cycles + this.#highestSequence) >>> 0;
  }

  get lost(): number {
    return this.#lostEarlier + this.#lostOfSource();
  }

  get jitterUnits(): number {
    return this.#jitterUnits;
  }

  get jitterMs(): number {
    return this.#jitterUnits / this.unitsPerMs;
  }

  /** Eight bits of loss since the last call, for the next report block. */
  takeFractionLost(): number {
    const expected = this.#expected();
    const expectedInterval = expected - this.#expectedPrior;
    const lostInterval = expectedInterval - (this.#receivedOfSource - this.#receivedPrior);
    this.#expectedPrior = expected;
    this.#receivedPrior = this.#receivedOfSource;
    return expectedInterval <= 0 || lostInterval <= 0
      ? 0
      : Math.min(255, Math.floor((lostInterval * 256) / expectedInterval));
  }

  /** To be called now and then; does its work when an interval is over. */
  measureLoss(nowMs: number): void {
    if (nowMs - this.#measuredAtMs < LOSS_INTERVAL_MS) return;
    this.#measuredAtMs = nowMs;
    const expected = this.#expected() - this.#expectedMeasured;
    const received = this.#receivedOfSource - this.#receivedMeasured;
    this.#expectedMeasured += expected;
    this.#receivedMeasured += received;
    this.lossPercent = expected <= 0 ? 0 : Math.max(0, (100 * (expected - received)) / expected);
  }

  #begin(ssrc: number, sequence: number): void {
    if (this.ssrc !== undefined) this.#lostEarlier += this.#lostOfSource();
    this.ssrc = ssrc;
    this.#baseSequence = this.#highestSequence = sequence;
    this.#cycles = 0;
    this.#receivedOfSource = 0;
    this.#expectedPrior = this.#receivedPrior = 0;
    this.#expectedMeasured = this.#receivedMeasured = 0;
    this.#transit = NaN;
    this.#jitterUnits = 0;
  }

  #expected(): number {
    return this.ssrc === undefined ? 0 : this.#cycles + this.#highestSequence - this.#baseSequence + 1;
  }

  #lostOfSource(): number {
    return this.#expected() - this.#receivedOfSource;
  }
}
