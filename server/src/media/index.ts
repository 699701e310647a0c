/** The media stack as gateways see it: `@tocsin/server/media`. */
export { MediaBridge, type BridgeNode, type MediaBridgeEvents } from './bridge.ts';
export { type AudioCodec } from './codecs/codec.ts';
export { decodeG711, encodeG711, SILENCE_CODE, STATIC_PAYLOAD_TYPE, type G711Law } from './codecs/g711.ts';
export { G722Decoder, G722Encoder } from './codecs/g722.ts';
export { MediaEngine, openMediaEngine, type MediaEngineEvents, type MediaEngineOptions } from './engine.ts';
export { InbandDigits } from './inband-digits.ts';
export { levelDb, similarity, sine, toneLevelDb } from './measure.ts';
export { Playback, type PlaybackEvents, type PlaybackSource } from './playback.ts';
export { Recorder, type RecorderEvents, type RecordingFailure, type RecordingResult } from './recorder.ts';
export { resample, Resampler } from './resampler.ts';
export { RtpPort, type RtpOptions, type RtpPortEvents } from './rtp-port.ts';
export { readRtp, writeRtp, type RtpHeader } from './rtp.ts';
export { type SpokenAudio } from './speech/speech.ts';
export { type SpokenLanguage } from './speech/spoken-text.ts';
export { openTestPhone, type TestPhone } from './test-phone.ts';
export { repairWav } from './wav-file.ts';
export { readWav, toMono, writeWav, type Sound, type WavReading } from './wav.ts';
export type { Hearing, MediaDirection, MemberOptions, RtpStatistics, ThreadSnapshot } from './worker/protocol.ts';
