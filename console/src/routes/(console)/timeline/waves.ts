/** Bars of one waveform: the loudest sample of each piece, 0-1. */
export interface Wave {
  bars: Float32Array;
  ms: number;
}

/** Longer recordings are drawn as a plain bar: their sound is fetched when it is played, not to be looked at. */
const MOST_BYTES = 8_000_000;
const BAR_MS = 80;
const AT_ONCE = 2;

const waves = new Map<string, Promise<Wave | undefined>>();
let running = 0;
const waiting: (() => void)[] = [];

/** The waveform of a recording; undefined when there is none to be had. Fetched once. */
export function waveOf(url: string): Promise<Wave | undefined> {
  let wave = waves.get(url);
  if (!wave) {
    wave = inTurn(() => fetchWave(url)).catch(() => undefined);
    waves.set(url, wave);
  }
  return wave;
}

async function inTurn<Value>(work: () => Promise<Value>): Promise<Value> {
  if (running >= AT_ONCE) await new Promise<void>((go) => waiting.push(go));
  running += 1;
  try {
    return await work();
  } finally {
    running -= 1;
    waiting.shift()?.();
  }
}

async function fetchWave(url: string): Promise<Wave | undefined> {
  // From the second byte on: a reading from the start is put on the timeline as heard, and a drawing is not a hearing.
  const response = await fetch(`${url}${url.includes('?') ? '&' : '?'}as=wav`, {
    headers: { range: `bytes=1-${MOST_BYTES}` },
  });
  if (response.status !== 206) return undefined;
  const total = Number(/\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1]);
  if (!(total <= MOST_BYTES)) {
    await response.body?.cancel();
    return undefined;
  }
  const rest = new Uint8Array(await response.arrayBuffer());
  const whole = new Uint8Array(rest.length + 1);
  whole[0] = 0x52;
  whole.set(rest, 1);
  return readWave(whole);
}

/** Reads a WAV file of 16-bit samples into bars; undefined when it is something else. */
export function readWave(file: Uint8Array): Wave | undefined {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const word = (at: number) => String.fromCharCode(...file.subarray(at, at + 4));
  if (file.length < 44 || word(8) !== 'WAVE') return undefined;
  let channels = 1;
  let rate = 8000;
  for (let at = 12; at + 8 <= file.length;) {
    const name = word(at);
    const length = view.getUint32(at + 4, true);
    if (name === 'fmt ') {
      if (view.getUint16(at + 22, true) !== 16) return undefined;
      channels = view.getUint16(at + 10, true);
      rate = view.getUint32(at + 12, true);
    } else if (name === 'data') {
      const start = at + 8;
      const samples = Math.floor(Math.min(length, file.length - start) / 2);
      return {
        bars: barsOf(view, start, samples, Math.round((rate * channels * BAR_MS) / 1000)),
        ms: (samples / rate / channels) * 1000,
      };
    }
    at += 8 + length + (length % 2);
  }
  return undefined;
}

function barsOf(view: DataView, start: number, samples: number, perBar: number): Float32Array {
  const bars = new Float32Array(Math.ceil(samples / perBar));
  for (let bar = 0; bar < bars.length; bar++) {
    let loudest = 0;
    const end = Math.min(samples, (bar + 1) * perBar);
    for (let i = bar * perBar; i < end; i += 2) {
      loudest = Math.max(loudest, Math.abs(view.getInt16(start + i * 2, true)));
    }
    // Speech fills the lower third of the scale; the root brings it up to where eyes see it.
    bars[bar] = Math.sqrt(loudest / 32_768);
  }
  return bars;
}

/** A path of vertical strokes, one each `stepPx`, for the part of a wave that is on the screen. */
export function wavePath(
  wave: Wave,
  {
    from,
    pxPerMs,
    left,
    right,
    middle,
    height,
    stepPx = 3,
  }: {
    /** Where the recording begins, in pixels. */
    from: number;
    pxPerMs: number;
    left: number;
    right: number;
    middle: number;
    height: number;
    stepPx?: number;
  },
): string {
  let path = '';
  const end = Math.min(right, from + wave.ms * pxPerMs);
  for (let x = Math.max(left, from) + 1.5; x < end - 1; x += stepPx) {
    const first = Math.floor((x - from) / pxPerMs / BAR_MS);
    const last = Math.max(first + 1, Math.ceil((x + stepPx - from) / pxPerMs / BAR_MS));
    let loudest = 0;
    for (let bar = first; bar < last && bar < wave.bars.length; bar++) loudest = Math.max(loudest, wave.bars[bar] ?? 0);
    const half = Math.max(0.7, (loudest * height) / 2);
    path += `M${x.toFixed(1)} ${(middle - half).toFixed(1)}v${(half * 2).toFixed(1)}`;
  }
  return path;
}
