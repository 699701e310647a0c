import { Emitter, type Listenable } from '#kernel/emitter.ts';
import type { ThreadPool } from './thread-pool.ts';
import type { Hearing, MemberOptions, Report } from './worker/protocol.ts';

/** What can be on a bridge. */
export interface BridgeNode {
  readonly id: string;
}

export interface MediaBridgeEvents extends Record<string, unknown[]> {
  /** With hysteresis: begins within 100 ms, ends after 400 ms of quiet. Not told of muted nodes. */
  speaking: [{ nodeId: string; isSpeaking: boolean }];
  closed: [];
}

/**
 * Who hears whom. One node hears another when it wants to (`hears`) and is allowed to (`heardBy` of the other); nobody
 * hears himself. By default everyone hears everyone. A node is on one bridge at most: adding it moves it.
 */
export class MediaBridge implements Listenable<MediaBridgeEvents>, AsyncDisposable {
  readonly id: string;
  readonly label: string;
  readonly #link: ThreadPool;
  readonly #events = new Emitter<MediaBridgeEvents>();
  #isClosed = false;

  constructor(id: string, label: string, link: ThreadPool) {
    this.id = id;
    this.label = label;
    this.#link = link;
  }

  on<Name extends keyof MediaBridgeEvents>(
    event: Name,
    listener: (...args: MediaBridgeEvents[Name]) => void,
  ): () => void {
    return this.#events.on(event, listener);
  }

  once<Name extends keyof MediaBridgeEvents>(
    event: Name,
    listener: (...args: MediaBridgeEvents[Name]) => void,
  ): () => void {
    return this.#events.once(event, listener);
  }

  async add(node: BridgeNode, options: MemberOptions = {}): Promise<void> {
    await this.#link.ask('add-node', { bridge: this.id, node: node.id, options });
  }

  async remove(node: BridgeNode): Promise<void> {
    await this.#link.ask('remove-node', { bridge: this.id, node: node.id });
  }

  /** A muted node is not heard; it goes on hearing. Of a node that has left the bridge this and the following change nothing. */
  setMuted(node: BridgeNode, isMuted: boolean): Promise<void> {
    return this.#change(node, { isMuted });
  }

  setHears(node: BridgeNode, hears: Hearing): Promise<void> {
    return this.#change(node, { hears });
  }

  setHeardBy(node: BridgeNode, heardBy: Hearing): Promise<void> {
    return this.#change(node, { heardBy });
  }

  /** How loud the others hear it; −60 … +20 dB. */
  setGain(node: BridgeNode, gainDb: number): Promise<void> {
    return this.#change(node, { gainDb: Math.max(-60, Math.min(20, gainDb)) });
  }

  /** Brings its voice to the level of the others, slowly and by 12 dB at most; on top of the gain. */
  setAutomaticLevel(node: BridgeNode, isAutomatic: boolean): Promise<void> {
    return this.#change(node, { automaticLevel: isAutomatic });
  }

  /** Lets everybody here and everybody on the other bridge hear each other, until it is closed. Never in a circle. */
  tie(other: MediaBridge): Promise<{ close(): Promise<void> }> {
    return this.#link.tie(this.id, other.id);
  }

  /** Its nodes stay open, on no bridge. */
  async close(_reason?: string): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#link.ask('close-bridge', { bridge: this.id }).catch(() => {});
    this.#events.emit('closed');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** For the engine: what the thread tells of this bridge. */
  receive(report: Report): void {
    if (report.what !== 'speaking') return;
    const { nodeId, isSpeaking } = report;
    this.#events.emit('speaking', { nodeId, isSpeaking });
  }

  async #change(node: BridgeNode, options: MemberOptions): Promise<void> {
    await this.#link.ask('change-node', { bridge: this.id, node: node.id, options });
  }
}
