import type { MediaKind, RtpParameters } from 'mediasoup/types';

/** What a field phone sends. The call microphone is the same microphone once more, as G.711 for the conference. */
export const SOURCES = { camera: 'video', microphone: 'audio', 'call-microphone': 'audio' } as const;
export type Source = keyof typeof SOURCES;

/** What a viewer or a recording can take. */
export type WatchedSource = 'camera' | 'microphone';

/** What a page needs to consume a producer: mediasoup-client's `transport.consume` takes it as it is. */
export interface ConsumerParameters {
  id: string;
  producerId: string;
  kind: MediaKind;
  rtpParameters: RtpParameters;
}
