import type { Emitter } from '@tocsin/server/kernel/emitter.ts';

/** What the air side of a channel tells, whatever protocol it speaks. */
export type AirLinkEvents = {
  /** 20 ms of speech from the air, 8 kHz. */
  voice: [samples: Int16Array];
  /** A packet of sound, whether speech or not, and how many before it were lost; where the protocol numbers them. */
  arrived: [lost: number];
  /** Somebody is heard in the field, or no longer. */
  squelch: [isOpen: boolean];
  /** Who it is, where the protocol tells. */
  talker: [talker: string];
  /** Whether the radio can be reached; `why` not. */
  reachable: [isReachable: boolean, why?: string];
  /** How well the radio hears the field, 0-100, where the protocol measures it. */
  quality: [percent: number];
};

/** How one transmission is keyed. */
export interface Keyed {
  /** 0 routine … 3 emergency. */
  priority: 0 | 1 | 2 | 3;
}

/** The air side of a channel. */
export interface AirLink extends AsyncDisposable {
  readonly events: Emitter<AirLinkEvents>;
  /** Datagrams that were none of its protocol. */
  readonly malformed: number;
  /** The port where the radio's datagrams come in. */
  readonly port: number;
  /** 20 ms of speech, on air. */
  sendVoice(samples: Int16Array, keyed: Keyed): void;
  /** Off the air. */
  sendEnd(): void;
  /** Where the next transmission goes, and whom we hear; undefined = the protocol has no talkgroups. */
  selectTalkgroup?(talkgroup: number): void;
}
