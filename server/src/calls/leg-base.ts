import { Emitter } from '#kernel/emitter.ts';
import type { BridgeNode } from '#media/bridge.ts';
import type { HangUpReason, Leg, LegEvents, LegState, Party } from './leg.ts';

/** What every kind of leg shares: its state, and an end that happens once, with the first reason given. */
export abstract class LegBase extends Emitter<LegEvents> implements Leg {
  readonly id: string;
  readonly direction: 'inbound' | 'outbound';
  readonly party: Party;
  abstract readonly node: BridgeNode;
  isHeldByPeer = false;
  #state: LegState = 'dialling';
  #gone = new AbortController();
  #ended = Promise.withResolvers<HangUpReason>();
  #closing?: Promise<void>;

  constructor(id: string, direction: 'inbound' | 'outbound', party: Party) {
    super();
    this.id = id;
    this.direction = direction;
    this.party = party;
  }

  get state(): LegState {
    return this.#state;
  }

  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  get ended(): Promise<HangUpReason> {
    return this.#ended.promise;
  }

  hangUp(reason: HangUpReason): Promise<void> {
    this.#closing ??= this.#end(reason, true);
    return this.#closing;
  }

  abstract sendDigits(digits: string): Promise<void>;

  /** Tells the far end. */
  protected abstract release(reason: HangUpReason): Promise<void>;

  /** Frees what the leg holds here: ports, transports. */
  protected abstract free(): Promise<void>;

  /** The far end, or the network, has ended the leg. */
  protected endedByPeer(reason: HangUpReason): void {
    this.#closing ??= this.#end(reason, false);
  }

  protected moveTo(state: 'ringing' | 'answered'): void {
    if (this.#state === state || this.#state === 'ended') return;
    this.#state = state;
    this.emit(state);
  }

  protected heldByPeer(isHeld: boolean): void {
    if (this.isHeldByPeer === isHeld) return;
    this.isHeldByPeer = isHeld;
    this.emit('held', isHeld);
  }

  async #end(reason: HangUpReason, tellPeer: boolean): Promise<void> {
    this.#state = 'ended';
    this.#gone.abort(new Error(reason));
    this.#ended.resolve(reason);
    this.emit('ended', reason);
    await Promise.allSettled([tellPeer ? this.release(reason) : undefined, this.free()]);
  }
}
