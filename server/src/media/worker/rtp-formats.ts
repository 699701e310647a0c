import { clockTimes, type AudioCodec } from '../codecs/codec.ts';
import { STATIC_PAYLOAD_TYPE } from '../codecs/g711.ts';
import type { RtpConfiguration } from './protocol.ts';

/**
 * What each payload type means that may come in. The two directions number their formats apart (RFC 3264 §5.1): what we
 * receive goes by our own description, and phones that use the numbers of theirs instead are understood too.
 */
export class ReceivedFormats {
  readonly #codecs: (AudioCodec | undefined)[] = Array.from({ length: 128 }, () => undefined);
  /** Clock of telephone-events, as so many times 8 kHz; 0: this type is none. */
  readonly #eventTimes = new Uint8Array(128);

  constructor(configuration?: RtpConfiguration) {
    if (!configuration) return;
    const { codec, payloadType, telephoneEventPayloadType, accepts = [], acceptsEvents = [] } = configuration;
    // The static types of both laws, which some phones use whatever was agreed.
    this.#codecs[STATIC_PAYLOAD_TYPE.pcma] = 'pcma';
    this.#codecs[STATIC_PAYLOAD_TYPE.pcmu] = 'pcmu';
    this.#codecs[payloadType] = codec;
    if (telephoneEventPayloadType !== undefined) this.#takeEvent(telephoneEventPayloadType, clockTimes(codec));
    for (const format of accepts) {
      this.#codecs[format.payloadType] = format.codec;
      this.#eventTimes[format.payloadType] = 0;
    }
    for (const { payloadType: type, clockRate } of acceptsEvents) this.#takeEvent(type, clockRate / 8000);
  }

  codecOf(payloadType: number): AudioCodec | undefined {
    return this.#codecs[payloadType];
  }

  /** @returns the clock of this telephone-event as so many times 8 kHz; 0 when it is none */
  eventTimesOf(payloadType: number): number {
    return this.#eventTimes[payloadType]!;
  }

  #takeEvent(payloadType: number, times: number): void {
    this.#eventTimes[payloadType] = times;
    this.#codecs[payloadType] = undefined;
  }
}
