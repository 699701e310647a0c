/**
 * What the engine and its thread say to each other. The engine sends commands, each answered once under its number; the
 * thread sends reports of its own accord. Everything here survives a structured clone.
 */
import type { Answerer } from '../answerer.ts';
import type { AudioCodec } from '../codecs/codec.ts';
import type { SrtpSuite } from '../srtp.ts';
import type { FailureCode } from '#kernel/errors.ts';

export type MediaDirection = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

export interface RtpConfiguration {
  codec: AudioCodec;
  payloadType: number;
  telephoneEventPayloadType?: number;
  ptimeMs: number;
  /** `host` is an address, never a name. */
  remote?: { host: string; port: number };
  latch: boolean;
  direction: MediaDirection;
  ssrc?: number;
  mediaLostAfterMs?: number;
  rtcp: 'next-port' | 'muxed' | 'none';
  inbandDigits?: boolean;
  /** What the far end may send besides `codec`: all of our own description, by its payload types. */
  accepts?: readonly { payloadType: number; codec: AudioCodec }[];
  acceptsEvents?: readonly { payloadType: number; clockRate: number }[];
  /** The far end takes comfort noise of this type (RFC 3389): silence is then told, and not sent. */
  comfortNoisePayloadType?: number;
  srtp?: SrtpConfiguration;
}

/** Keys of SRTP: master key and salt of each direction (RFC 3711). The same keys again go on where they were. */
export interface SrtpConfiguration {
  suite: SrtpSuite;
  sendKey: Uint8Array;
  receiveKey: Uint8Array;
}

/** 'everyone', 'nobody', or the ids of nodes. */
export type Hearing = 'everyone' | 'nobody' | string[];

export interface MemberOptions {
  hears?: Hearing;
  heardBy?: Hearing;
  isMuted?: boolean;
  gainDb?: number;
  /** Its voice is brought to the level of the others by itself (`automatic-level.ts`). */
  automaticLevel?: boolean;
}

/** What a playback plays, ready for the thread: samples of 8 kHz in shared memory, or a tone. */
export type PlayableSound =
  | { kind: 'samples'; samples: Int16Array }
  | { kind: 'tone'; hz: number[]; onMs?: number; offMs?: number; inTurn?: boolean; levelDb: number }
  | { kind: 'silence' };

export interface RtpStatistics {
  packetsReceived: number;
  packetsSent: number;
  octetsReceived: number;
  octetsSent: number;
  /** Expected by sequence number and not come (RFC 3550 §6.4.1); duplicates make it negative. */
  packetsLost: number;
  /** From a source or of an SSRC that is not the far end's, without its key, or sent again: dropped. */
  packetsInjected: number;
  /** Neither RTP of an agreed payload type nor RTCP: dropped. */
  packetsUnknown: number;
  latePackets: number;
  concealedFrames: number;
  /** Interarrival jitter, RFC 3550 §6.4.1. */
  jitterMs: number;
  /** Sound waiting in the jitter buffer. */
  bufferedMs: number;
  codec: AudioCodec | undefined;
  isSecured: boolean;
  /** Per cent of the packets of the last five seconds that did not come. */
  lossPercent: number;
  /** What a listener would say of it, 1 to 4.5, by loss and delay (`quality.ts`); undefined until something was heard. */
  mos: number | undefined;
  /** From RTCP, when the far end sends reports. */
  roundTripMs: number | undefined;
  remoteLost: number | undefined;
  remoteJitterMs: number | undefined;
  remote: { host: string; port: number } | undefined;
  ssrc: number;
  remoteSsrc: number | undefined;
}

interface Commands {
  'open-rtp': {
    command: {
      node: string;
      label: string;
      host: string;
      ports: [first: number, last: number];
      ssrc: number;
      sequence: number;
      timestamp: number;
      cname: string;
    };
    answer: { port: number };
  };
  'configure-rtp': { command: { node: string; configuration: RtpConfiguration }; answer: undefined };
  'send-digits': { command: { node: string; digits: string; durationMs: number; gapMs: number }; answer: undefined };
  'who-answers': { command: { node: string }; answer: Answerer };
  'rtp-statistics': { command: { node: string }; answer: RtpStatistics };
  'watch-level': { command: { node: string }; answer: undefined };
  'open-playback': {
    command: { node: string; sound: PlayableSound; times: number; gapMs: number };
    answer: undefined;
  };
  'pause-playback': { command: { node: string; isPaused: boolean }; answer: undefined };
  'open-recorder': {
    command: { node: string; channels: 1 | 2; left?: string[]; byVoice: boolean };
    answer: undefined;
  };
  /** While it is held, silence is written. Answers where in the recording that was. */
  'hold-recorder': { command: { node: string; isHeld: boolean }; answer: { atMs: number } };
  /** `quietly`: it is opened again elsewhere, and its owner is told nothing. */
  'close-node': { command: { node: string; quietly?: boolean }; answer: undefined };
  /** The end of a line to another thread. */
  'open-link': {
    command: { node: string; inbound: SharedArrayBuffer; outbound: SharedArrayBuffer };
    answer: undefined;
  };
  'open-bridge': { command: { bridge: string; label: string }; answer: undefined };
  'add-node': { command: { bridge: string; node: string; options: MemberOptions }; answer: undefined };
  'change-node': { command: { bridge: string; node: string; options: MemberOptions }; answer: undefined };
  'remove-node': { command: { bridge: string; node: string }; answer: undefined };
  'close-bridge': { command: { bridge: string }; answer: undefined };
  snapshot: { command: object; answer: ThreadSnapshot };
  stop: { command: object; answer: undefined };
}

export type CommandKind = keyof Commands;
export type Command<Kind extends CommandKind> = Commands[Kind]['command'];
export type Answer<Kind extends CommandKind> = Commands[Kind]['answer'];

export type ToThread = { [Kind in CommandKind]: { number: number; kind: Kind } & Command<Kind> }[CommandKind];

/** What the thread is started with. */
export interface ThreadData {
  host: string;
  io: 'batched' | 'dgram' | undefined;
  /** Shared: a byte for each file descriptor, set while the thread has it open. */
  openFds: Uint8Array;
}

export type FromThread =
  | { kind: 'ready'; io: 'batched' | 'dgram'; wakeFd: number | undefined }
  | { kind: 'answer'; number: number; value: unknown }
  | { kind: 'refusal'; number: number; code: FailureCode; detail: string }
  | { kind: 'reports'; reports: Report[] }
  | { kind: 'recorded'; node: string; samples: Int16Array; isLast: boolean };

/** `source`: from an address that is not the far end's. `ssrc`: from its address, beside its own stream. `key`: without its SRTP key, or sent again. */
export type IntrusionKind = 'source' | 'ssrc' | 'key';

/** Packets that were refused, of this kind and from there for the most part. */
export interface Intrusion {
  kind: IntrusionKind;
  packets: number;
  from: { host: string; port: number };
}

/** What a node or bridge tells of its own accord. */
export type Report = { about: string } & (
  | { what: 'digit'; digit: string; durationMs: number; by: 'telephone-event' | 'inband' }
  | { what: 'media-lost' }
  | { what: 'media-found'; remote: { host: string; port: number } }
  | { what: 'level'; levelDb: number; isSpeaking: boolean }
  | { what: 'finished' }
  /** Somebody else than the far end sends to this leg; none of it is heard. At most once a minute. */
  | ({ what: 'intruded' } & Intrusion)
  /** A recording by voice: somebody began to speak, or nobody does any more. */
  | { what: 'voice'; isOpen: boolean; atMs: number }
  | { what: 'speaking'; nodeId: string; isSpeaking: boolean }
);

/** Of one thread, or of all together. */
export interface ThreadSnapshot {
  io: 'batched' | 'dgram';
  threads: number;
  ticks: number;
  /** Ticks that were due while another was still late; they are never made up for. */
  skippedTicks: number;
  /** Ticks that began more than 5 ms after their time. */
  lateTicks: number;
  /** The latest beginning of a tick after its time. */
  worstLatenessMs: number;
  /** Mean time one tick's work took. */
  meanTickMs: number;
  longestTickMs: number;
  /** Memory that the thread's objects use. */
  heapBytes: number;
  rtp: ({ id: string; label: string; port: number } & RtpStatistics)[];
  playbacks: { id: string; playedMs: number; isPaused: boolean }[];
  recorders: { id: string; recordedMs: number }[];
  bridges: {
    id: string;
    label: string;
    members: { id: string; isMuted: boolean; isSpeaking: boolean }[];
    /** Two legs pass their packets on to each other, past the mixer. */
    isRelaying: boolean;
    /** Sets of voices that are summed apart. */
    mixes: number;
    /** Encodings made since the bridge opened; legs that hear the same thing share one. */
    encodings: number;
    /** Frames handed to listeners since the bridge opened. */
    framesHeard: number;
  }[];
}
