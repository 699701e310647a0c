/**
 * Video signalling. A console sends `ViewerRequest`s as `video` on its own socket; a field phone sends `FieldRequest`s
 * as `field` on the namespace `/field`, authenticated by `auth: {link}`, the secret at the end of its link
 * `/field/<secret>`. Each gets one CommandResult; what its value is stands in brackets.
 * The `unknown` parts are mediasoup-client's own objects, checked by the SFU.
 */
import { z } from 'zod';
import type { CommandResult } from './command-result.ts';
import { Id, Location, type Name } from './common.ts';

const Uuid = z.string().max(64);

/** What a watcher can see and hear of a feed. */
export const WatchedSource = z.enum(['camera', 'microphone']);
export type WatchedSource = z.infer<typeof WatchedSource>;

/** What a field phone sends: picture and sound for watchers and the recording, and its voice (PCMA) for a conference. */
export const FieldSource = z.enum(['camera', 'microphone', 'call-microphone']);
export type FieldSource = z.infer<typeof FieldSource>;

/** From a console: watch a feed. */
export const ViewerRequest = z.discriminatedUnion('ask', [
  /** [{ viewing, routerRtpCapabilities, transport: TransportParameters, sources: WatchedSource[] }] */
  z.object({ ask: z.literal('watch'), feed: Id }),
  z.object({ ask: z.literal('connect'), viewing: Id, dtlsParameters: z.unknown() }),
  /** [iceParameters] */
  z.object({ ask: z.literal('restart-ice'), viewing: Id }),
  /** [{ id, producerId, kind, rtpParameters }], paused until resumed. */
  z.object({ ask: z.literal('consume'), viewing: Id, source: WatchedSource, rtpCapabilities: z.unknown() }),
  z.object({ ask: z.literal('resume'), viewing: Id, source: WatchedSource }),
  z.object({ ask: z.literal('pause'), viewing: Id, source: WatchedSource }),
  z.object({ ask: z.literal('stop'), viewing: Id }),
]);
export type ViewerRequest = z.infer<typeof ViewerRequest>;

/** Events to a console about what it watches. */
export interface ServerToViewer {
  /** The feed's sources have changed: consume what is new, forget what is gone. */
  'feed-sources': (viewing: string, sources: WatchedSource[]) => void;
  'viewing-ended': (viewing: string, because: string) => void;
}

/** From a field phone: one tap gives video, sound and location. */
export const FieldRequest = z.discriminatedUnion('ask', [
  /** [FieldHello]; `claim` is what an earlier opening gave this phone, so that a page that was reloaded is known again. */
  z.object({ ask: z.literal('open'), claim: z.string().max(64).optional() }),
  /** [TransportParameters]; `send` carries camera and microphone, `receive` the voice of the centre. */
  z.object({ ask: z.literal('open-transport'), way: z.enum(['send', 'receive']) }),
  z.object({ ask: z.literal('connect'), transport: Uuid, dtlsParameters: z.unknown() }),
  /** [iceParameters] */
  z.object({ ask: z.literal('restart-ice'), transport: Uuid }),
  /** [{ id }] */
  z.object({ ask: z.literal('produce'), source: FieldSource, rtpParameters: z.unknown() }),
  z.object({ ask: z.literal('remove-source'), source: FieldSource }),
  /** [{ id, producerId, kind, rtpParameters }]: the voice of the centre, flowing at once. */
  z.object({ ask: z.literal('consume-voice'), rtpCapabilities: z.unknown() }),
  z.object({ ask: z.literal('location'), location: Location }),
  z.object({ ask: z.literal('stop') }),
]);
export type FieldRequest = z.infer<typeof FieldRequest>;

export interface FieldHello {
  feed: string;
  /** Keep it (session storage) and show it when the page is opened again. */
  claim: string;
  site: Name;
  person: Name;
  asker: string;
  isDrill: boolean;
  serverTime: number;
  routerRtpCapabilities: object;
  /** A conference wants this phone's voice now: produce `call-microphone`, then `consume-voice`. */
  isCallWanted: boolean;
}

/** mediasoup's own transport parameters, for `device.createSendTransport` and `createRecvTransport`. */
export interface TransportParameters {
  id: string;
  iceParameters: object;
  iceCandidates: object[];
  dtlsParameters: object;
}

/** Events to a field phone. */
export interface ServerToField {
  /** Produce the call microphone and take the voice of the centre, or stop both. */
  'call-wanted': (isWanted: boolean) => void;
  /** The media worker was restarted: open everything again. */
  'must-reopen': () => void;
  /** What the centre sees and does. */
  status: (status: { viewers: number; isRecording: boolean; conference?: string; isMuted: boolean }) => void;
  ended: (because: string) => void;
}

export interface FieldToServer {
  field: (request: FieldRequest, done: (result: CommandResult) => void) => void;
}
