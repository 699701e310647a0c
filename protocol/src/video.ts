/**
 * Video signalling. A console sends these as `video` on its own socket; a field phone on the namespace `/field`,
 * authenticated by `auth: {link}`, the token at the end of its link `/field/<token>`.
 * The `unknown` parts are mediasoup-client's own objects, checked by the SFU.
 */
import { z } from 'zod';
import { Id, Location } from './common.ts';

/** From a console: watch a feed. Answers in brackets. */
export const ViewerRequest = z.discriminatedUnion('ask', [
  /** [{ routerRtpCapabilities }] */
  z.object({ ask: z.literal('watch'), feed: Id }),
  /** [{ id, iceParameters, iceCandidates, dtlsParameters }] */
  z.object({ ask: z.literal('open-transport'), feed: Id }),
  z.object({ ask: z.literal('connect-transport'), feed: Id, dtlsParameters: z.unknown() }),
  /** [{ consumers: [{ id, producerId, kind, rtpParameters }] }], paused until resumed. */
  z.object({ ask: z.literal('consume'), feed: Id, rtpCapabilities: z.unknown() }),
  z.object({ ask: z.literal('resume'), feed: Id }),
  z.object({ ask: z.literal('stop'), feed: Id }),
]);
export type ViewerRequest = z.infer<typeof ViewerRequest>;

/** From a field phone: one tap gives video, sound and location. */
export const FieldRequest = z.discriminatedUnion('ask', [
  /** [FieldHello] */
  z.object({ ask: z.literal('open') }),
  /** [{ id, iceParameters, iceCandidates, dtlsParameters }]; `send` carries camera and microphone, `receive` the voice of the centre. */
  z.object({ ask: z.literal('open-transport'), direction: z.enum(['send', 'receive']) }),
  z.object({
    ask: z.literal('connect-transport'),
    direction: z.enum(['send', 'receive']),
    dtlsParameters: z.unknown(),
  }),
  /** [{ id }]; `use`: picture and sound for viewers and recording, `voice` (PCMA) for the conference. */
  z.object({
    ask: z.literal('produce'),
    kind: z.enum(['audio', 'video']),
    use: z.enum(['feed', 'voice']),
    rtpParameters: z.unknown(),
  }),
  /** [{ id, producerId, kind, rtpParameters }]: the voice of the centre. */
  z.object({ ask: z.literal('consume-voice'), rtpCapabilities: z.unknown() }),
  z.object({ ask: z.literal('resume-voice') }),
  z.object({ ask: z.literal('location'), location: Location }),
  z.object({ ask: z.literal('stop') }),
]);
export type FieldRequest = z.infer<typeof FieldRequest>;

export interface FieldHello {
  feed: string;
  site: { zh: string; en?: string };
  person: { zh: string; en?: string };
  asker: { zh: string; en?: string };
  isDrill: boolean;
  serverTime: number;
  routerRtpCapabilities: unknown;
}

/** Events to a field phone. */
export interface ServerToField {
  /** What the centre sees and does: number of viewers, recording, in conference. */
  status: (status: { viewers: number; isRecording: boolean; conference?: string; isMuted: boolean }) => void;
  message: (text: string, at: number) => void;
  ended: (because: string) => void;
}
