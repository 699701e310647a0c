import type { Chance } from '#kernel/chance.ts';
import type { BridgeNode } from '#media/bridge.ts';
import type { MediaEngine } from '#media/engine.ts';
import type { RtpPort } from '#media/rtp-port.ts';
import type { FieldAudioLeg } from '#sfu/field-audio-leg.ts';
import type { Party } from './leg.ts';
import { LegBase } from './leg-base.ts';

/** Opens the field phone's end: `Publisher.openAudioLeg` of the SFU. */
export type OpenFieldAudio = (engine: { host: string; port: number; ssrc: number }) => Promise<FieldAudioLeg>;

/** A field phone's voice as a leg: no SIP, its page is its signalling. It is answered as soon as its sound arrives. */
export class FieldLeg extends LegBase {
  readonly #port: RtpPort;
  readonly #audio: FieldAudioLeg;

  /** @throws DispatchError MEDIA_PORTS_EXHAUSTED, WEBRTC_UNAVAILABLE */
  static async open(
    party: Party,
    open: OpenFieldAudio,
    { engine, chance }: { engine: MediaEngine; chance: Chance },
  ): Promise<FieldLeg> {
    const port = await engine.openRtp({ label: `field ${party.number}` });
    const ssrc = Number.parseInt(chance.token(4), 16);
    try {
      const audio = await open({ host: port.localHost, port: port.localPort, ssrc });
      await port.configure({
        codec: audio.codec,
        payloadType: audio.payloadType,
        ptimeMs: audio.ptimeMs,
        direction: 'sendrecv',
        remote: audio.plain,
        ssrc,
        latch: false,
        rtcp: 'none',
      });
      return new FieldLeg(chance.id('leg'), party, port, audio);
    } catch (error) {
      await port.close();
      throw error;
    }
  }

  private constructor(id: string, party: Party, port: RtpPort, audio: FieldAudioLeg) {
    super(id, 'inbound', party);
    this.#port = port;
    this.#audio = audio;
    audio.on('lost', () => this.emit('troubled', true));
    audio.on('back', () => this.emit('troubled', false));
    audio.on('closed', () => this.endedByPeer('feed-ended'));
    this.moveTo('answered');
  }

  get node(): BridgeNode {
    return this.#port;
  }

  /** A field page has no keypad. */
  async sendDigits(): Promise<void> {}

  protected async release(): Promise<void> {
    await this.#audio.close();
  }

  protected async free(): Promise<void> {
    await Promise.allSettled([this.#audio.close(), this.#port.close()]);
  }
}
