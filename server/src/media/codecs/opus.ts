import { readFileSync } from 'node:fs';

/**
 * Opus (RFC 6716, RTP: RFC 7587) at 16 kHz, by libopus as WebAssembly. The package's own classes know neither in-band
 * error correction nor concealment, so its module is called directly.
 */
interface LibOpus {
  memory: { buffer: ArrayBuffer };
  _initialize(): void;
  malloc(bytes: number): number;
  free(pointer: number): void;
  opus_encoder_get_size(channels: number): number;
  opus_encoder_init(state: number, rateHz: number, channels: number, application: number): number;
  opus_encode(state: number, samples: number, count: number, into: number, longest: number): number;
  opus_encoder_ctl_set(state: number, request: number, value: number): number;
  opus_decoder_get_size(channels: number): number;
  opus_decoder_init(state: number, rateHz: number, channels: number): number;
  opus_decode(
    state: number,
    packet: number,
    length: number,
    samples: number,
    count: number,
    isCorrection: number,
  ): number;
}

/** As far as it is used here; Node's types leave it to those of browsers. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: Record<string, Record<string, () => number>>) => { exports: unknown };
};

const RATE_HZ = 16_000;
const FRAME_SAMPLES = 320;
const VOICE = 2048;
/** Requests of `opus_defines.h`, and what we ask for. Loss makes the encoder spend bits on repeating the last frame. */
const SETTINGS = [
  { request: 4002, value: 24_000 }, // bits per second
  { request: 4010, value: 5 }, // complexity, of 10
  { request: 4012, value: 1 }, // in-band forward error correction
  { request: 4014, value: 10 }, // per cent of packets that may be lost
];
const OPUS_LIMITS = { packetBytes: 1275, packetSamples: 1920 } as const;

let library: { opus: LibOpus; packet: number; samples: number } | undefined;

/** Loaded by the first leg that needs it. */
function load(): { opus: LibOpus; packet: number; samples: number } {
  if (library) return library;
  const file = new URL(import.meta.resolve('@evan/opus/wasm/simd.wasm'));
  const nothing = () => 0;
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(file)), {
    wasi_snapshot_preview1: { fd_seek: nothing, fd_write: nothing, fd_close: nothing, proc_exit: nothing },
    env: { emscripten_notify_memory_growth: nothing },
  });
  const opus = exports as LibOpus;
  opus._initialize();
  const { packetBytes, packetSamples } = OPUS_LIMITS;
  library = { opus, packet: opus.malloc(packetBytes), samples: opus.malloc(packetSamples * 2) };
  return library;
}

/** States lie outside of JavaScript's memory; they go when the object that held them has gone. */
const states = new FinalizationRegistry<number>((state) => load().opus.free(state));

/** Encodes 20 ms of 16 kHz at a time. */
export class OpusEncoder {
  readonly #state: number;
  readonly #bytes: number;

  constructor() {
    const { opus } = load();
    this.#bytes = opus.opus_encoder_get_size(1);
    this.#state = opus.malloc(this.#bytes);
    states.register(this, this.#state);
    checked(opus.opus_encoder_init(this.#state, RATE_HZ, 1, VOICE));
    for (const { request, value } of SETTINGS) checked(opus.opus_encoder_ctl_set(this.#state, request, value));
  }

  /** @returns bytes written to `into` from `at` on */
  encode(samples: Int16Array, into: Uint8Array, at = 0): number {
    const { opus, packet, samples: memory } = load();
    new Int16Array(opus.memory.buffer, memory, FRAME_SAMPLES).set(samples);
    const longest = Math.min(OPUS_LIMITS.packetBytes, into.length - at);
    const length = checked(opus.opus_encode(this.#state, memory, FRAME_SAMPLES, packet, longest));
    into.set(new Uint8Array(opus.memory.buffer, packet, length), at);
    return length;
  }

  /** An encoder's state is one flat block without addresses. */
  copyFrom(other: object): void {
    if (!(other instanceof OpusEncoder)) return;
    new Uint8Array(load().opus.memory.buffer).copyWithin(this.#state, other.#state, other.#state + other.#bytes);
  }
}

/** Decodes packets of up to 120 ms, mono or stereo, to 16 kHz mono. */
export class OpusDecoder {
  readonly #state: number;

  constructor() {
    const { opus } = load();
    this.#state = opus.malloc(opus.opus_decoder_get_size(1));
    states.register(this, this.#state);
    checked(opus.opus_decoder_init(this.#state, RATE_HZ, 1));
  }

  /** @returns samples written to the beginning of `into`; 0 when this is no Opus packet */
  decode(packet: Uint8Array, start: number, end: number, into: Int16Array): number {
    return this.#run(packet, start, end, OPUS_LIMITS.packetSamples, 0, into);
  }

  /**
   * Stands in for the frame lost just before this packet: by the copy the packet carries of it, else by a guess. To be
   * called before the packet is decoded. @returns samples written
   */
  recover(packet: Uint8Array, start: number, end: number, into: Int16Array): number {
    return this.#run(packet, start, end, FRAME_SAMPLES, 1, into);
  }

  #run(from: Uint8Array, start: number, end: number, count: number, isCorrection: number, into: Int16Array): number {
    const { opus, packet, samples } = load();
    const length = end - start;
    if (length <= 0 || length > OPUS_LIMITS.packetBytes) return 0;
    new Uint8Array(opus.memory.buffer, packet, length).set(from.subarray(start, end));
    const written = opus.opus_decode(this.#state, packet, length, samples, count, isCorrection);
    if (written <= 0) return 0;
    into.set(new Int16Array(opus.memory.buffer, samples, written));
    return written;
  }
}

function checked(result: number): number {
  if (result < 0) throw new Error(`libopus says ${result}`);
  return result;
}
