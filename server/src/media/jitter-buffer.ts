import { Concealment } from './concealment.ts';

/** Samples of one tick: 20 ms at 8 kHz, and at 16 kHz for wideband. */
export const FRAME_SAMPLES = 160;
export const WIDE_FRAME_SAMPLES = 320;
const FRAME_MS = 20;

/** Bounds of the buffer. When more is waiting than `longestDelayMs`, the oldest is dropped. */
export const JITTER_LIMITS = { startDelayMs: 40, longestDelayMs: 200 } as const;

/**
 * Slack that is kept beyond the worst of the last seconds. It starts small; a frame that comes too late after all makes it
 * grow, so that a stream with rare stragglers does not go to and fro between a cut and a concealment.
 */
const MARGIN_MS = { least: 1.5, most: 12, growth: 4, decayPerBin: 0.05 } as const;

/** Samples the ring holds at 8 kHz (512 ms). What lies further ahead is taken for a new beginning of the stream. */
const NARROW_RING = 4096;
/** A place in the ring that nothing has arrived for: a value that no sound is given. */
const MISSING = -32_768;
/** Room to spare is judged by the worst packet of the last `BINS` × `BIN_FRAMES` frames (2 s). */
const BINS = 4;
const BIN_FRAMES = 25;
/** In a stream's first second, so many frames are enough to judge. */
const FIRST_JUDGEMENT_FRAMES = 20;
/** Frames between two cuts. */
const FRAMES_BETWEEN_CUTS = 5;
/** After so many frames without anything, the next packet begins a new talk spurt. */
const FRAMES_UNTIL_IDLE = 10;
/** So many packets one after another, all too late, are no stragglers: the sender's clock has gone back. */
const PACKETS_UNTIL_RESTART = 4;
const SILENT_PEAK = 64;

/**
 * Evens out the arrival of one stream's packets. Samples lie in a ring at their RTP time; each tick takes the next 160.
 *
 * Delay is as small as arrivals allow. Every packet's slack (how long before the tick that needs it it came) is watched;
 * when the worst slack of two seconds leaves a whole frame to spare, a piece of up to a frame is cut out where the wave
 * looks alike on both sides, and cross-faded. A frame that is not there when needed is concealed: if it turns out to
 * be late the delay has grown by that frame, if it turns out to be lost the delay stays. So drift of the far clock ends
 * in an inaudible cut or concealment now and then.
 */
export class JitterBuffer {
  readonly #frameSamples: number;
  readonly #samplesPerMs: number;
  readonly #ring: Int16Array;
  readonly #concealment: Concealment;
  readonly #worstSlackMs = new Float64Array(BINS).fill(Infinity);
  #state: 'idle' | 'filling' | 'playing' = 'idle';
  /** RTP time, unwrapped, of the next sample to play, and of the end of the newest sample. */
  #play = 0;
  #end = 0;
  #playFromMs = 0;
  #lastReadAtMs = 0;
  #heldFrames = 0;
  /** Packets that came too late since the last that did not. */
  #packetsBehind = 0;
  #packetSamples: number;
  #lastPacketStart = 0;
  #bin = 0;
  #binFrames = 0;
  #framesJudged = 0;
  #framesSinceCut = 0;
  #mayBeSilent = false;
  #marginMs: number = MARGIN_MS.least;

  /** Counted since the beginning: frames made up, packets too late to be of use, pieces cut to shorten the delay, and restarts. */
  readonly counts = { concealedFrames: 0, latePackets: 0, cuts: 0, restarts: 0, overflows: 0 };

  /** For sound of 8 kHz, or of 16; RTP times are told in samples. */
  constructor(rateHz: 8000 | 16_000 = 8000) {
    const times = rateHz / 8000;
    this.#frameSamples = this.#packetSamples = FRAME_SAMPLES * times;
    this.#samplesPerMs = rateHz / 1000;
    this.#ring = new Int16Array(NARROW_RING * times).fill(MISSING);
    this.#concealment = new Concealment(times);
  }

  /** Milliseconds of sound waiting, newest packet included. */
  get delayMs(): number {
    return this.#state === 'idle' ? 0 : Math.max(0, (this.#end - this.#play) / this.#samplesPerMs);
  }

  /** Forgets everything, as for a new source. */
  reset(): void {
    this.#ring.fill(MISSING);
    this.#state = 'idle';
    this.#heldFrames = 0;
    this.#forgetSlack();
  }

  /** Takes the codes at `packet[start, end)`, whose first is of RTP time `timestamp`. */
  insert(
    packet: Uint8Array,
    start: number,
    end: number,
    timestamp: number,
    linear: Int16Array,
    arrivedAtMs: number,
  ): void {
    const samples = Math.min(end - start, this.#ring.length / 2);
    if (samples <= 0) return;
    const at = this.#place(timestamp, samples, arrivedAtMs);
    this.#mayBeSilent = false;
    this.#packetSamples = samples;
    this.#lastPacketStart = at;
    const ring = this.#ring;
    const mask = ring.length - 1;
    for (let i = Math.max(0, this.#play - at); i < samples; i += 1) ring[(at + i) & mask] = linear[packet[start + i]!]!;
  }

  /** Takes the first `count` samples, whose first is of RTP time `timestamp`. */
  insertSamples(samples: Int16Array, count: number, timestamp: number, arrivedAtMs: number): void {
    const bounded = Math.min(count, this.#ring.length / 2);
    if (bounded <= 0) return;
    const at = this.#place(timestamp, bounded, arrivedAtMs);
    this.#mayBeSilent = false;
    this.#packetSamples = bounded;
    this.#lastPacketStart = at;
    const ring = this.#ring;
    const mask = ring.length - 1;
    for (let i = Math.max(0, this.#play - at); i < bounded; i += 1)
      ring[(at + i) & mask] = samples[i] === MISSING ? MISSING + 1 : samples[i]!;
  }

  /** Marks a stretch as meant to be silent: a digit (RFC 4733) is sent in place of audio, and that is no loss. */
  insertSilence(timestamp: number, samples: number, arrivedAtMs: number): void {
    const bounded = Math.min(samples, this.#ring.length / 2);
    // Of a long digit only the newest end can still be ahead.
    const at = this.#place((timestamp + samples - bounded) >>> 0, bounded, arrivedAtMs, true);
    const ring = this.#ring;
    const mask = ring.length - 1;
    for (let i = Math.max(0, this.#play - at); i < bounded; i += 1)
      if (ring[(at + i) & mask] === MISSING) ring[(at + i) & mask] = 0;
  }

  /** The sender falls silent on purpose (comfort noise, RFC 3389): what is missing from here on is no loss. */
  expectSilence(): void {
    this.#mayBeSilent = true;
  }

  /**
   * Fills `frame` with the next 20 ms. `skippedTicks` ticks were missed before this one: their sound is passed over.
   * @returns false when there is only silence
   */
  read(frame: Int16Array, nowMs: number, skippedTicks = 0): boolean {
    this.#lastReadAtMs = nowMs;
    if (this.#state === 'idle') return this.#concealment.finish(frame);
    if (this.#state === 'filling') {
      if (nowMs < this.#playFromMs) return this.#concealment.finish(frame);
      this.#state = 'playing';
    }
    for (let i = 0; i < skippedTicks && this.#end - this.#play >= 2 * this.#frameSamples; i += 1)
      this.#skip(this.#frameSamples);
    this.#judge();
    const waiting = this.#end - this.#play;
    if (waiting > JITTER_LIMITS.longestDelayMs * this.#samplesPerMs + this.#packetSamples) this.#cutOverflow();
    if (!this.#isThere(this.#play, this.#frameSamples)) return this.#readWithHoles(frame);

    this.#heldFrames = 0;
    this.#cutIfRoomToSpare(frame);
    this.#concealment.heard(frame);
    return true;
  }

  /** Finds the place of a packet in the unwrapped time, opening or restarting the stream when it is out of all bounds. */
  #place(timestamp: number, samples: number, arrivedAtMs: number, isEvent = false): number {
    if (this.#state === 'idle') return this.#begin(timestamp, samples, arrivedAtMs);
    let at = this.#end + ((timestamp - (this.#end >>> 0)) | 0);
    const isBehind = at + samples <= this.#play && !isEvent;
    if (!isEvent) this.#packetsBehind = isBehind ? this.#packetsBehind + 1 : 0;
    if (
      at - this.#play > this.#ring.length - samples - this.#frameSamples ||
      this.#packetsBehind >= PACKETS_UNTIL_RESTART
    ) {
      this.counts.restarts += 1;
      this.#ring.fill(MISSING);
      return this.#begin(timestamp, samples, arrivedAtMs);
    }
    if (this.#heldFrames > 0 && at > this.#play) {
      // The frames that were waited for will not come: what was concealed in the meantime stood in for them.
      this.#play += Math.min(at - this.#play, this.#heldFrames * this.#frameSamples);
      this.#heldFrames = 0;
    } else if (this.#heldFrames > 0 && at + samples > this.#play) {
      this.#marginMs = Math.min(MARGIN_MS.most, this.#marginMs + MARGIN_MS.growth);
      this.#heldFrames = 0;
    }
    if (this.#state === 'playing' && !isEvent) this.#noteSlack(at, arrivedAtMs);
    if (isBehind) this.counts.latePackets += 1;
    if (at + samples > this.#end) this.#end = at + samples;
    if (this.#state === 'filling' && at < this.#play) this.#play = at; // Overtaken on the way.
    return at;
  }

  #begin(timestamp: number, samples: number, arrivedAtMs: number): number {
    this.#state = 'filling';
    this.#play = timestamp;
    this.#end = timestamp + samples;
    this.#playFromMs = arrivedAtMs + JITTER_LIMITS.startDelayMs;
    this.#heldFrames = this.#packetsBehind = 0;
    this.#forgetSlack();
    return timestamp;
  }

  #isThere(from: number, samples: number): boolean {
    if (from + samples > this.#end) return false;
    const ring = this.#ring;
    const mask = ring.length - 1;
    for (let i = 0; i < samples; i += 1) if (ring[(from + i) & mask] === MISSING) return false;
    return true;
  }

  /** Takes samples out of the ring, leaving their places empty for what comes half a second later. */
  #take(frame: Int16Array, count: number, at = 0): void {
    const ring = this.#ring;
    const mask = ring.length - 1;
    for (let i = 0; i < count; i += 1) {
      const place = (this.#play + i) & mask;
      frame[at + i] = ring[place]!;
      ring[place] = MISSING;
    }
    this.#play += count;
  }

  #skip(count: number): void {
    for (let i = 0; i < count; i += 1) this.#ring[(this.#play + i) & (this.#ring.length - 1)] = MISSING;
    this.#play += count;
  }

  /** Some or all of this frame is not there. */
  #readWithHoles(frame: Int16Array): boolean {
    const isLoss = this.#end >= this.#play + this.#frameSamples;
    const wasSilent = this.#mayBeSilent;
    if (!wasSilent) this.counts.concealedFrames += 1;
    if (isLoss) {
      // Something newer is here: the hole is a loss, and time goes on over it.
      let isAnything = false;
      for (let i = 0; i < this.#frameSamples; i += 1) {
        const place = (this.#play + i) & (this.#ring.length - 1);
        const sample = this.#ring[place]!;
        this.#ring[place] = MISSING;
        if (sample === MISSING) frame[i] = this.#concealment.next();
        else frame[i] = this.#concealment.blend(sample);
        if (frame[i] !== 0) isAnything = true;
      }
      this.#play += this.#frameSamples;
      this.#heldFrames = 0;
      return isAnything;
    }
    // Nothing newer is here: late or lost, the next packet will tell. Play what there is and wait at that point.
    const present = Math.max(0, this.#end - this.#play);
    this.#take(frame, present);
    for (let i = 0; i < present; i += 1)
      frame[i] = frame[i] === MISSING ? this.#concealment.next() : this.#concealment.blend(frame[i]!);
    for (let i = present; i < this.#frameSamples; i += 1) frame[i] = this.#concealment.next();
    this.#heldFrames += 1;
    if (this.#heldFrames > FRAMES_UNTIL_IDLE) {
      this.#state = 'idle';
      this.#skip(this.#ring.length);
    }
    return present > 0 || !this.#concealment.isOver;
  }

  /** Fills the frame, cutting out a piece when every recent packet came with a frame or more to spare. */
  #cutIfRoomToSpare(frame: Int16Array): void {
    const cut = this.#roomToSpare();
    this.#framesSinceCut += 1;
    if (
      cut < 16 ||
      this.#framesSinceCut < FRAMES_BETWEEN_CUTS ||
      !this.#isThere(this.#play, cut + this.#frameSamples)
    ) {
      this.#take(frame, this.#frameSamples);
      if (this.#concealment.isRunning)
        for (let i = 0; i < this.#frameSamples; i += 1) frame[i] = this.#concealment.blend(frame[i]!);
      return;
    }
    const lag = this.#bestLag(cut);
    const ring = this.#ring;
    const mask = ring.length - 1;
    for (let i = 0; i < this.#frameSamples; i += 1) {
      const before = ring[(this.#play + i) & mask]!;
      const after = ring[(this.#play + lag + i) & mask]!;
      frame[i] = Math.round(before + ((after - before) * (i + 1)) / this.#frameSamples);
    }
    const phase = this.#phase();
    this.#skip(lag + this.#frameSamples);
    this.counts.cuts += 1;
    this.#framesSinceCut = 0;
    const frames = Math.max(0, Math.ceil((lag - phase) / this.#frameSamples));
    for (let i = 0; i < BINS; i += 1) this.#worstSlackMs[i]! -= frames * FRAME_MS;
  }

  /** Samples that could be cut without any recent packet having come too late for it. */
  #roomToSpare(): number {
    if (this.#framesJudged < FIRST_JUDGEMENT_FRAMES) return 0;
    let worst = Infinity;
    for (let i = 0; i < BINS; i += 1) worst = Math.min(worst, this.#worstSlackMs[i]!);
    if (worst === Infinity) return 0;
    const frames = Math.max(0, Math.floor((worst - this.#marginMs) / FRAME_MS));
    return Math.min(this.#phase() + frames * this.#frameSamples, 2 * this.#frameSamples);
  }

  /** How far packets begin behind the beginning of our frames; cutting so much costs no slack. */
  #phase(): number {
    if (this.#packetSamples % this.#frameSamples !== 0) return 0;
    return (((this.#lastPacketStart - this.#play) % this.#frameSamples) + this.#frameSamples) % this.#frameSamples;
  }

  /** The longest cut allowed, or a shorter one where the wave fits better: by normalised cross-correlation. */
  #bestLag(longest: number): number {
    const ring = this.#ring;
    const mask = ring.length - 1;
    let peak = 0;
    for (let i = 0; i < longest + this.#frameSamples; i += 4) {
      const size = Math.abs(ring[(this.#play + i) & mask]!);
      if (size > peak) peak = size;
    }
    if (peak < SILENT_PEAK || longest < 32) return longest;
    let best = longest;
    let bestScore = -Infinity;
    for (let lag = longest; lag >= 24; lag -= 1) {
      let product = 0;
      let energy = 1;
      for (let i = 0; i < this.#frameSamples; i += 2) {
        const after = ring[(this.#play + lag + i) & mask]!;
        product += ring[(this.#play + i) & mask]! * after;
        energy += after * after;
      }
      const score = product / Math.sqrt(energy);
      if (score > bestScore * 1.0001) {
        bestScore = score;
        best = lag;
      }
    }
    return best;
  }

  /** More is waiting than the longest delay allows: jump to the newest, keeping the start delay. */
  #cutOverflow(): void {
    this.counts.overflows += 1;
    this.#concealment.begin();
    const keep = JITTER_LIMITS.startDelayMs * this.#samplesPerMs;
    this.#skip(this.#end - this.#play - keep);
    this.#forgetSlack();
  }

  #noteSlack(at: number, arrivedAtMs: number): void {
    const ticks = Math.floor((at - this.#play) / this.#frameSamples) + 1;
    const slack = this.#lastReadAtMs + ticks * FRAME_MS - arrivedAtMs;
    if (slack < this.#worstSlackMs[this.#bin]!) this.#worstSlackMs[this.#bin] = slack;
  }

  #judge(): void {
    this.#framesJudged += 1;
    this.#binFrames += 1;
    if (this.#binFrames < BIN_FRAMES) return;
    this.#binFrames = 0;
    this.#marginMs = Math.max(MARGIN_MS.least, this.#marginMs - MARGIN_MS.decayPerBin);
    this.#bin = (this.#bin + 1) % BINS;
    this.#worstSlackMs[this.#bin] = Infinity;
  }

  #forgetSlack(): void {
    this.#worstSlackMs.fill(Infinity);
    this.#framesJudged = 0;
    this.#binFrames = 0;
    this.#framesSinceCut = 0;
  }
}
