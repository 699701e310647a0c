import type { Producer, Router } from 'mediasoup/types';
import type { Chance } from '#kernel/chance.ts';
import { Emitter, type Listenable } from '#kernel/emitter.ts';
import type { BrowserGone } from './browser-presence.ts';
import { EngineLink, type EngineAddress } from './engine-link.ts';

export type FieldAudioLegEvents = {
  /** The phone's sound has begun to arrive: the page has produced its call microphone. Again after each reload of the page. */
  joined: [];
  /** No sign of life: mute the leg. */
  lost: [];
  /** Its sound arrives again, by itself or from a page loaded again. */
  back: [];
  closed: [BrowserGone];
};

/** A field phone as a party of a conference: G.711 A-law both ways, no telephone-event. The shape is that of a browser phone's leg once agreed. */
export class FieldAudioLeg implements AsyncDisposable, Listenable<FieldAudioLegEvents> {
  readonly id: string;
  readonly codec = 'pcma' as const;
  readonly payloadType = 8;
  readonly ptimeMs = 20;
  readonly #link: EngineLink;
  readonly #onClose: () => void;
  readonly #events = new Emitter<FieldAudioLegEvents>();
  #isClosed = false;
  #isJoined = false;
  #isLost = false;
  on = this.#events.on.bind(this.#events);
  once = this.#events.once.bind(this.#events);

  private constructor(id: string, link: EngineLink, onClose: () => void) {
    this.id = id;
    this.#link = link;
    this.#onClose = onClose;
  }

  static async open(options: { router: Router; engine: EngineAddress; chance: Chance; onClose: () => void }) {
    const cname = `tocsin-${options.chance.token(6)}`;
    const codecs = [{ mimeType: 'audio/PCMA', clockRate: 8000, channels: 1, payloadType: 8 }];
    const link = await EngineLink.open(options.router, options.engine, codecs, cname);
    return new FieldAudioLeg(options.chance.id('field-leg'), link, options.onClose);
  }

  /** Where the engine sends RTP to; RTP comes from there too. */
  get plain(): { host: string; port: number } {
    return this.#link.address;
  }

  /** Has the phone's sound been connected? */
  get isJoined(): boolean {
    return this.#isJoined;
  }

  /** For the publisher only: what the conference says. */
  get talkBack(): Producer {
    return this.#link.fromEngine;
  }

  /** For the publisher only: the phone's call microphone. */
  async hear(producer: Producer): Promise<void> {
    await this.#link.hear(producer);
    this.#isJoined = true;
    this.#events.emit('joined');
    this.back();
  }

  /** For the publisher only. */
  lost(): void {
    if (this.#isLost) return;
    this.#isLost = true;
    this.#events.emit('lost');
  }

  /** For the publisher only. */
  back(): void {
    if (!this.#isLost) return;
    this.#isLost = false;
    this.#events.emit('back');
  }

  /** Takes the phone out of the conference; its video goes on. With a reason, listeners are told that it ended by itself. */
  close(why?: BrowserGone): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#link.close();
    this.#onClose();
    if (why) this.#events.emit('closed', why);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }
}
