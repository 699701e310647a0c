/** The seat's microphone: asked for once, then shared, so that a second call does not open the device again. */
export class Microphone {
  #stream: Promise<MediaStream> | undefined;
  #device: string | undefined;

  constructor(device?: string) {
    this.#device = device;
  }

  /** A track of its own for one call: muting it mutes no other call. */
  async track(): Promise<MediaStreamTrack> {
    const stream = await (this.#stream ??= this.#open());
    const track = stream.getAudioTracks()[0];
    if (!track || track.readyState === 'ended') {
      this.#stream = undefined;
      return this.track();
    }
    return track.clone();
  }

  /** Another device, for calls from now on. */
  choose(device: string | undefined): void {
    this.#device = device;
    void this.close();
  }

  async close(): Promise<void> {
    const stream = await this.#stream?.catch(() => undefined);
    this.#stream = undefined;
    for (const track of stream?.getTracks() ?? []) track.stop();
  }

  async #open(): Promise<MediaStream> {
    try {
      return await navigator.mediaDevices.getUserMedia({
        audio: {
          echoCancellation: true,
          noiseSuppression: true,
          autoGainControl: true,
          ...(this.#device ? { deviceId: { exact: this.#device } } : {}),
        },
      });
    } catch (failure) {
      this.#stream = undefined;
      throw failure;
    }
  }
}
