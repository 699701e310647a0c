import { Emitter } from '#kernel/emitter.ts';
import type { MediaBridge } from '#media/bridge.ts';
import type { MediaEngine } from '#media/engine.ts';
import type { PlaybackSource } from '#media/playback.ts';
import type { Leg } from './leg.ts';
import type { Recording } from './recording.ts';

/**
 * Where a channel is that is in no conference: phones hear the radio and not one another; the radio hears those whom the
 * floor lets speak.
 */
export class ChannelRoom extends Emitter<{ speaking: [node: string, isSpeaking: boolean] }> {
  readonly bridge: MediaBridge;
  readonly recording: Promise<Recording | undefined>;
  readonly #radio: Leg;
  readonly #engine: MediaEngine;

  /** `heard`: the nodes that the radio hears at first. */
  static async open(
    radio: Leg,
    heard: string[],
    {
      engine,
      label,
      record,
    }: { engine: MediaEngine; label: string; record(bridge: MediaBridge): Promise<Recording | undefined> },
  ): Promise<ChannelRoom> {
    const bridge = await engine.openBridge({ label });
    await bridge.add(radio.node, { hears: heard });
    return new ChannelRoom(radio, bridge, record(bridge), engine);
  }

  private constructor(radio: Leg, bridge: MediaBridge, recording: Promise<Recording | undefined>, engine: MediaEngine) {
    super();
    this.#radio = radio;
    this.bridge = bridge;
    this.recording = recording;
    this.#engine = engine;
    bridge.on('speaking', ({ nodeId, isSpeaking }) => this.emit('speaking', nodeId, isSpeaking));
  }

  async add(leg: Leg): Promise<void> {
    await this.bridge.add(leg.node, { hears: [this.#radio.node.id], heardBy: [this.#radio.node.id] });
  }

  /** Lets one phone hear a short tone of the exchange, which does not go on the air. */
  async beep(leg: Leg, source: PlaybackSource): Promise<void> {
    const playback = await this.#engine.openPlayback({ source });
    try {
      await this.bridge.add(playback, { hears: 'nobody', heardBy: [leg.node.id] });
      await this.bridge.setHears(leg.node, [this.#radio.node.id, playback.id]);
      await Promise.race([playback.ended, leg.ended]);
      await this.bridge.setHears(leg.node, [this.#radio.node.id]);
    } finally {
      await playback.close();
    }
  }

  async close(): Promise<void> {
    await (await this.recording)?.stop();
    await this.bridge.close();
  }
}
