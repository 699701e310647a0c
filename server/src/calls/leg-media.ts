import type { RtpPort } from '#media/rtp-port.ts';
import type { PlainCodec } from '#sdp/codec.ts';
import type { Direction } from '#sdp/direction.ts';
import type { Listenable } from '#kernel/emitter.ts';

/** An answer to the peer's offer, or why there is none. */
export type MediaAnswer =
  { kind: 'agreed'; answer: string; theirDirection: Direction } | { kind: 'refused'; why: string };

/** What was agreed by the peer's answer to our offer. */
export type MediaAgreement = { kind: 'agreed'; theirDirection: Direction } | { kind: 'refused'; why: string };

/**
 * How a leg's voice gets from the wire to the media engine: by plain RTP, or through the SFU for a browser.
 * Offers and answers are RFC 3264's; one object serves all of a leg's life.
 */
export interface LegMedia extends Listenable<{
  /** The way to the peer is broken (ICE consent, DTLS); it may come back. */
  lost: [];
  back: [];
  /** It will not come back. */
  closed: [];
}> {
  readonly port: RtpPort;
  /** What is spoken now; undefined until it is agreed. */
  readonly codec: PlainCodec | undefined;
  /** Our offer: the first, or a later one with another direction. */
  offer(direction?: Direction): Promise<string>;
  /** `isEarly`: the call is not answered yet (183), and silence is no sign of a dead peer. */
  takeAnswer(answer: string, options?: { isEarly?: boolean }): Promise<MediaAgreement>;
  /**
   * Answers the peer's offer, the first or a later one. `like` is the codec of whom it shall talk with: taken where it is
   * offered, so that nothing need be transcoded.
   */
  answer(offer: string, options?: { like?: PlainCodec | undefined; isEarly?: boolean }): Promise<MediaAnswer>;
  /** The call whose offer was answered early is answered now. */
  confirm(): Promise<void>;
  close(): Promise<void>;
}
