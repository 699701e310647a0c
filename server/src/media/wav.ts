import { decodeG711 } from './codecs/g711.ts';

/** RIFF/WAVE in memory. What stands in files that grow is in `wav-file.ts`. */

export const WAV_HEADER_BYTES = 44;

/** A sound: its channels, each the same number of 16-bit samples. */
export interface Sound {
  rateHz: number;
  channels: Int16Array[];
}

export type WavReading = { kind: 'sound'; sound: Sound } | { kind: 'refused'; why: string };

/**
 * Reads PCM of 8, 16, 24 or 32 bits, 32-bit float, A-law and µ-law. A data length that is missing or larger than the
 * file (a recorder that was killed, or a stream) means: to the end of the file.
 */
export function readWav(bytes: Uint8Array): WavReading {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || tag(bytes, 0) !== 'RIFF' || tag(bytes, 8) !== 'WAVE') return refused('this is no WAV file');
  let format: { code: number; channels: number; rateHz: number; bits: number } | undefined;
  for (let at = 12; at + 8 <= bytes.length;) {
    const kind = tag(bytes, at);
    const size = view.getUint32(at + 4, true);
    const start = at + 8;
    if (kind === 'fmt ' && start + 16 <= bytes.length) {
      const code = view.getUint16(start, true);
      format = {
        // WAVE_FORMAT_EXTENSIBLE carries the real code at the beginning of its GUID.
        code: code === 0xfffe && start + 26 <= bytes.length ? view.getUint16(start + 24, true) : code,
        channels: view.getUint16(start + 2, true),
        rateHz: view.getUint32(start + 4, true),
        bits: view.getUint16(start + 14, true),
      };
    }
    if (kind === 'data') {
      if (!format) return refused('the format is not told before the data');
      const end = size === 0 || start + size > bytes.length ? bytes.length : start + size;
      return decode(format, bytes.subarray(start, end));
    }
    at = start + size + (size & 1);
  }
  return refused('there is no sound in the file');
}

/** A whole WAV file, 16-bit PCM. */
export function writeWav(sound: Sound): Uint8Array {
  const channels = sound.channels.length;
  const frames = sound.channels[0]?.length ?? 0;
  const file = new Uint8Array(WAV_HEADER_BYTES + frames * channels * 2);
  file.set(wavHeader({ rateHz: sound.rateHz, channels, dataBytes: frames * channels * 2 }));
  const samples = new Int16Array(file.buffer, WAV_HEADER_BYTES);
  for (let channel = 0; channel < channels; channel += 1) {
    const source = sound.channels[channel]!;
    for (let i = 0; i < frames; i += 1) samples[i * channels + channel] = source[i]!;
  }
  return file;
}

/** The 44 bytes before 16-bit PCM data of this length. */
export function wavHeader(options: { rateHz: number; channels: number; dataBytes: number }): Uint8Array {
  const { rateHz, channels, dataBytes } = options;
  const header = new Uint8Array(WAV_HEADER_BYTES);
  const view = new DataView(header.buffer);
  const put = (at: number, text: string) =>
    header.set(
      [...text].map((letter) => letter.charCodeAt(0)),
      at,
    );
  put(0, 'RIFF');
  view.setUint32(4, Math.min(0xffffffff, 36 + dataBytes), true);
  put(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, rateHz, true);
  view.setUint32(28, rateHz * channels * 2, true);
  view.setUint16(32, channels * 2, true);
  view.setUint16(34, 16, true);
  put(36, 'data');
  view.setUint32(40, Math.min(0xffffffff, dataBytes), true);
  return header;
}

/** All channels as one: their mean. */
export function toMono(sound: Sound): Int16Array {
  const [first] = sound.channels;
  if (!first) return new Int16Array(0);
  if (sound.channels.length === 1) return first;
  const mono = new Int16Array(first.length);
  for (let i = 0; i < mono.length; i += 1) {
    let sum = 0;
    for (const channel of sound.channels) sum += channel[i]!;
    mono[i] = Math.round(sum / sound.channels.length);
  }
  return mono;
}

function decode(
  format: { code: number; channels: number; rateHz: number; bits: number },
  data: Uint8Array,
): WavReading {
  const { code, channels, rateHz, bits } = format;
  if (channels < 1 || channels > 16) return refused(`${channels} channels are not supported`);
  if (rateHz < 1000 || rateHz > 384_000) return refused(`a sampling rate of ${rateHz} Hz is not supported`);
  const read = sampleReader(code, bits, data);
  if (!read) return refused(`format ${code} with ${bits} bits is not supported`);
  const frames = Math.floor(data.length / (channels * (bits / 8)));
  const sound: Sound = { rateHz, channels: [] };
  for (let channel = 0; channel < channels; channel += 1) {
    const samples = new Int16Array(frames);
    for (let i = 0; i < frames; i += 1) samples[i] = read(i * channels + channel);
    sound.channels.push(samples);
  }
  return { kind: 'sound', sound };
}

function sampleReader(code: number, bits: number, data: Uint8Array): ((index: number) => number) | undefined {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (code === 1 && bits === 8) return (index) => (data[index]! - 128) << 8;
  if (code === 1 && bits === 16) return (index) => view.getInt16(index * 2, true);
  if (code === 1 && bits === 24) return (index) => view.getInt16(index * 3 + 1, true);
  if (code === 1 && bits === 32) return (index) => view.getInt16(index * 4 + 2, true);
  if (code === 3 && bits === 32)
    return (index) => Math.max(-32_768, Math.min(32_767, Math.round(view.getFloat32(index * 4, true) * 32_767)));
  if ((code === 6 || code === 7) && bits === 8) {
    const linear = decodeG711(code === 6 ? 'pcma' : 'pcmu', data);
    return (index) => linear[index]!;
  }
  return undefined;
}

function tag(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(bytes[at]!, bytes[at + 1]!, bytes[at + 2]!, bytes[at + 3]!);
}

function refused(why: string): WavReading {
  return { kind: 'refused', why };
}
